//! The content check: what it finds in labelled texts it has not seen, in the kinds of content that Meta names, in texts in
//! costume, and in an audit.
// Tests may say what must hold.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../examples/content_check/files.rs"]
#[allow(dead_code)]
mod files;
#[path = "../examples/content_check/folds.rs"]
#[allow(dead_code)]
mod folds;
#[path = "../examples/content_check/ideas.rs"]
mod ideas;
#[path = "../examples/content_check/training.rs"]
#[allow(dead_code)]
mod training;

use fbwin::audit::{Audit, AuditOptions, ContentCheck, fails};
use fbwin::batch::{Batch, KeepText};
use fbwin::content::{Confidence, Lexicon};
use fbwin::event::{Category, MessagingType};
use fbwin::finding::{Finding, Summary};
use fbwin::{Event, Kind, Policy, Rule, Severity, Time};

use files::unseen;
use folds::{Count, LANGUAGES, load};
use training::{ALL_LAYERS, parts};

/// One of the five folds, with fewer steps of training than the page's figures have, judged by a model that has not seen it.
#[test]
fn unseen_texts_of_the_development_set_are_judged_as_well_as_the_page_says() {
    let texts = load("dev");
    assert!(20_000 < texts.len());
    let lexicon = Lexicon::built_in();
    let scores = unseen(&texts, &parts(lexicon, &texts), &[0], ALL_LAYERS, 60);
    for (limit, precision, recall) in [(lexicon.thresholds.high, 0.965, 0.75), (lexicon.thresholds.medium, 0.93, 0.81)]
    {
        let mut count = Count::default();
        for (text, score) in texts.iter().zip(&scores) {
            score.iter().for_each(|score| count.add(limit <= *score, text.promotes));
        }
        let (right, found) = (count.right as f64 / count.found as f64, count.right as f64 / count.promote as f64);
        assert!(precision <= right && recall <= found, "from {limit}: precision {right:.3}, recall {found:.3}");
    }
}

#[test]
fn hardly_an_honest_text_of_any_language_is_accused_with_high_confidence() {
    let (texts, lexicon) = (load("dev"), Lexicon::built_in());
    for language in LANGUAGES {
        let honest: Vec<_> = texts.iter().filter(|text| text.language == language && !text.promotes).collect();
        let is_accused =
            |text: &&&folds::Text| lexicon.confidence(&lexicon.read(&text.row.text)) == Some(Confidence::High);
        let accused = honest.iter().filter(is_accused).count();
        assert!(accused * 100 <= honest.len(), "{language}: {accused} of {}", honest.len());
    }
}

#[test]
fn what_meta_names_as_allowed_is_never_accused_and_what_promotes_always_is() {
    let lexicon = Lexicon::built_in();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/content/meta_examples.jsonl");
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let example: serde_json::Value = serde_json::from_str(line).unwrap();
        let reading = lexicon.read(example["text"].as_str().unwrap());
        let sure = lexicon.confidence(&reading);
        match example["allowed"].as_bool().unwrap() {
            true => assert_eq!(sure, None, "{line}: {:.2} {:?}", reading.score, reading.matched),
            false => assert_eq!(sure, Some(Confidence::High), "{line}: {:.2} {:?}", reading.score, reading.matched),
        }
    }
}

#[test]
fn a_costume_hides_nothing() {
    let lexicon = Lexicon::built_in();
    for text in [
        "FLASH SALE!!! 50% OFF EVERYTHING TODAY ONLY",
        "𝗙𝗹𝗮𝘀𝗵 𝘀𝗮𝗹𝗲! 𝟱𝟬% 𝗼𝗳𝗳 𝗲𝘃𝗲𝗿𝘆𝘁𝗵𝗶𝗻𝗴 𝘁𝗼𝗱𝗮𝘆 𝗼𝗻𝗹𝘆",
        "flash s a l e 5 0 % off everything today only",
        "Fl4sh saaaale 50% 0ff everything today only",
        "rebajas! 50% de descuento en todo, solo hoy, compra ya",
        "ГРАНДИОЗНАЯ РАСПРОДАЖА!!! Скидки 50% только сегодня, успейте купить",
        "cкидкa 50% тoлько сегодня, успей купить",
        "GIAM GIA 50% chi hom nay, nhap ma SALE50, mua ngay",
        "Flash sale, solo hoy! 50% off en toda la tienda, shop now",
    ] {
        let reading = lexicon.read(text);
        assert_eq!(
            lexicon.confidence(&reading),
            Some(Confidence::High),
            "{text}: {:.2} {:?}",
            reading.score,
            reading.matched
        );
    }
}

/// How sure it is that a text promotes.
fn sure(text: &str) -> Option<Confidence> {
    let lexicon = Lexicon::built_in();
    lexicon.confidence(&lexicon.read(text))
}

#[test]
fn a_button_speaks_for_itself_and_a_line_of_a_bill_does_not() {
    assert_eq!(sure("Your order 1042 has been shipped."), None);
    assert_eq!(sure("Your order 1042 has been shipped.\nShop the sale – 30% off"), Some(Confidence::High));
    assert_eq!(sure("Your order 1042 has been shipped.\rShop the sale – 30% off"), Some(Confidence::High));
    let lexicon = Lexicon::built_in();
    let button = lexicon.read("Your order 1042 has been shipped.\nShop the sale – 30% off\nTalk to us");
    assert_eq!(button.matched, ["Shop the sale – 30% off"]);
    assert_eq!(sure("Your order 1042 has been shipped.\nTrack order\nTalk to us"), None);
    for bill in [
        "Your order 1042 is confirmed.\nCoupon SAVE20: -20%\nFree shipping: yes\nWe ship tomorrow.",
        "Order 1042 confirmed\nQuantity: 1\nDiscount: -20%\nTotal 30 €",
    ] {
        assert!(sure(bill) < Some(Confidence::High), "{bill}");
    }
    let bill = sure("Your order 1042:\n1 lamp 60.00 €\nSummer sale 30% −18.00 €\nTotal charged 42.00 €");
    assert!(bill < Some(Confidence::Medium), "{bill:?}");
}

#[test]
fn what_every_text_has_is_no_evidence() {
    let lexicon = Lexicon::built_in();
    for text in load("dev") {
        for words in lexicon.read(&text.row.text).matched {
            let is_letter = words.len() == 1 && words.chars().all(char::is_alphabetic);
            assert!(!is_letter, "{words:?} of {:?}", text.row.text);
        }
    }
    // A price is none, nor are a number of pieces and the word beside it.
    for text in [
        "We do, it takes four to six days. Shall I set one aside?",
        "The paperback is 24 € and we have it here.",
        "24 € or 30 €?!",
    ] {
        assert_eq!(sure(text), None, "{text}");
    }
}

#[test]
fn an_unknown_language_is_judged_by_patterns_alone_and_never_with_high_confidence() {
    let lexicon = Lexicon::built_in();
    let reading = lexicon.read("Kaikki kengät -50 % viikonloppuna! 🔥🔥 Black Friday! Tervetuloa ostoksille: https://kauppa.example/sale?utm_campaign=bf");
    assert!(!reading.language_known);
    assert_eq!(lexicon.confidence(&reading), Some(Confidence::Medium), "{:.2} {:?}", reading.score, reading.matched);
    let thai = lexicon.read("สวัสดีครับ คำสั่งซื้อของคุณถูกจัดส่งแล้ว");
    assert_eq!((thai.matched.len(), lexicon.confidence(&thai)), (0, None));
}

#[test]
fn any_text_is_read_without_a_panic_and_the_same_each_time() {
    let lexicon = Lexicon::built_in();
    let texts = [
        "",
        " ",
        "%",
        "50",
        "0",
        "$",
        "\u{0}\u{301}",
        "🔥",
        "a.b",
        "://",
        "#",
        "-",
        "1+",
        "2x",
        "ß",
        "0x",
        "\u{202e}SALE",
        "٥٠٪",
    ];
    let long = "sale 50% off ".repeat(5_000);
    for text in texts.into_iter().chain([long.as_str()]) {
        assert_eq!(lexicon.read(text), lexicon.read(text), "{text:.20}");
    }
    for at in 0..400 {
        let cut: String = "Скидка −50 %! Giảm giá ½ 𝟱𝟬٪ 1.299,00 € 2x1 https://x.example/ñ?é=1 #48 R$ 5 10h30 "
            .chars()
            .cycle()
            .skip(at)
            .take(at % 37)
            .collect();
        let _ = lexicon.read(&cut);
    }
}

fn promotion(send: Event<'_>) -> Event<'_> {
    let text = Some("Flash sale! 50% off everything, today only. Shop now: https://shop.example/sale");
    Event { at: Time::from_ms(1_709_700_000_000), account: "1", user: "2", kind: Kind::Send, text, ..send }
}

/// The findings of an audit of one send inside an open window: rule, severity, confidence, matched words.
fn found(send: Event<'_>, content: ContentCheck) -> Vec<(Rule, Severity, Option<Confidence>, Vec<String>)> {
    let policy = Policy::built_in();
    let mut batch = Batch::new(KeepText::OfClaims);
    let wrote = Event {
        at: send.at.plus_ms(-1_000),
        account: "1",
        user: "2",
        channel: send.channel,
        kind: Kind::Message,
        ..Event::default()
    };
    assert!(batch.push(&wrote) && batch.push(&send));
    let mut summary = Summary::default();
    let options = AuditOptions { content, ..AuditOptions::default() };
    let audit = Audit::run(&policy, vec![batch], vec!["log".into()], &options, &mut summary);
    assert_eq!(summary.total().allowed, u64::from(!send.says_it_promotes() || send.tag.is_none()), "the verdict stays");
    let mut all = Vec::new();
    let mut take = |findings: &[Finding<'_>]| {
        for one in findings {
            let content = one.content.clone();
            let sure = one.confidence;
            all.push((one.rule, one.severity, sure, content.map_or(Vec::new(), |content| content.matched)));
        }
        Ok(())
    };
    audit.findings(|_| true, &mut summary, &mut take).unwrap();
    let worst = all.iter().map(|(_, severity, ..)| *severity).max();
    assert_eq!(fails(&summary, Severity::Warning), Some(Severity::Warning) <= worst);
    all
}

#[test]
fn text_is_a_warning_a_label_an_error_and_the_own_word_beats_both() {
    let tagged = promotion(Event {
        messaging_type: Some(MessagingType::MessageTag),
        tag: Some("POST_PURCHASE_UPDATE"),
        ..Event::default()
    });
    let by_text = found(tagged, ContentCheck::BuiltIn);
    let [(rule, severity, sure, matched)] = by_text.as_slice() else { panic!("{by_text:?}") };
    assert_eq!((*rule, *severity, *sure), (Rule::PromotionalContent, Severity::Warning, Some(Confidence::High)));
    assert!(matched.contains(&"50% off everything".to_owned()), "{matched:?}");
    assert_eq!(found(tagged, ContentCheck::Off), []);
    assert_eq!(found(Event { promotional: Some(false), ..tagged }, ContentCheck::BuiltIn), []);
    for labelled in
        [Event { promotional: Some(true), ..tagged }, Event { category: Some(Category::Marketing), ..tagged }]
    {
        let error = (Rule::PromotionalContent, Severity::Error, None, Vec::new());
        assert_eq!(found(labelled, ContentCheck::BuiltIn), [error]);
    }
}

#[test]
fn only_claims_that_forbid_promotion_are_read() {
    assert_eq!(found(promotion(Event::default()), ContentCheck::BuiltIn), [], "a plain answer may promote");
    let template = promotion(Event { channel: fbwin::Channel::Whatsapp, template: Some("t"), ..Event::default() });
    let count = |category| found(Event { category: Some(category), ..template }, ContentCheck::BuiltIn).len();
    assert_eq!((count(Category::Marketing), count(Category::Utility), count(Category::Authentication)), (0, 1, 1));
}

#[test]
fn what_a_tag_is_not_for_is_a_note() {
    let survey = Event {
        text: Some("How was your visit? Please take our short survey."),
        messaging_type: Some(MessagingType::MessageTag),
        tag: Some("POST_PURCHASE_UPDATE"),
        ..promotion(Event::default())
    };
    let notes = found(survey, ContentCheck::BuiltIn);
    let [(rule, severity, sure, _)] = notes.as_slice() else { panic!("{notes:?}") };
    assert_eq!((*rule, *severity, *sure), (Rule::OffPurposeContent, Severity::Note, Some(Confidence::Low)));
    let bill = Event { tag: Some("ACCOUNT_UPDATE"), text: Some("Your monthly statement is ready."), ..survey };
    assert_eq!(found(bill, ContentCheck::BuiltIn).len(), 1);
    let past = Event { tag: Some("CONFIRMED_EVENT_UPDATE"), text: Some("Thank you for coming last night!"), ..survey };
    assert_eq!(found(past, ContentCheck::BuiltIn).len(), 1);
    let fine = Event { text: Some("Your order has shipped."), ..survey };
    assert_eq!(found(fine, ContentCheck::BuiltIn), []);
}

#[test]
fn a_lexicon_of_ones_own_decides() {
    let quiet = Lexicon::extended("[thresholds]\nlow = 90.0\nmedium = 91.0\nhigh = 92.0\n").unwrap();
    let tagged = promotion(Event {
        messaging_type: Some(MessagingType::MessageTag),
        tag: Some("ACCOUNT_UPDATE"),
        ..Event::default()
    });
    assert_eq!(found(tagged, ContentCheck::Own(quiet.into())), []);
}
