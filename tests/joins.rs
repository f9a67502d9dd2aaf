//! Of calls joined with what the log shows elsewhere: nobody is accused because an account, a number or a comment was looked
//! for in the wrong place.
#![allow(clippy::unwrap_used)]

use fbwin::audit::{Audit, AuditOptions};
use fbwin::finding::Summary;
use fbwin::source::{self, Input, Options};
use fbwin::{Policy, ReplayOptions};

/// A line a send: channel, account, user, verdict and by what.
fn verdicts(log: &str, account: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    std::fs::write(&path, log).unwrap();
    let options = Options { account: account.to_owned(), ..Options::default() };
    let reading = source::read(&[Input::Path(path)], &options, &|_| ()).unwrap();
    assert_eq!(reading.bad.count, 0, "{:?}", reading.bad.first.first());
    let replay = ReplayOptions { complete: true, ..ReplayOptions::default() };
    let options = AuditOptions { all_verdicts: true, replay, ..AuditOptions::default() };
    let policy = Policy::built_in();
    let audit = Audit::run(&policy, reading.batches, Vec::new(), &options, &mut Summary::default());
    let mut all = Vec::new();
    let take = |judged: &fbwin::finding::Judged<'_>| {
        let rules: Vec<&str> = judged.rules.iter().map(|rule| rule.word()).collect();
        let by = judged.reason.or(judged.permission).unwrap_or_default();
        let of = format!("{} {} {}", judged.channel, judged.account, judged.user);
        all.push(format!("{of} {} {}{by}", judged.verdict, rules.join("+")));
        Ok(())
    };
    audit.verdicts(take).unwrap();
    all
}

fn message(page: &str, user: &str, mid: &str) -> String {
    format!(
        r#"{{"object":"page","entry":[{{"id":"{page}","messaging":[{{"sender":{{"id":"{user}"}},"recipient":{{"id":"{page}"}},"timestamp":1709287200000,"message":{{"mid":"{mid}","text":"hi"}}}}]}}]}}"#
    )
}

fn whatsapp(number_id: &str, user: &str, id: &str) -> String {
    format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"15550001111","phone_number_id":"{number_id}"}},"messages":[{{"from":"{user}","id":"{id}","timestamp":"1709287200","type":"text","text":{{"body":"hi"}}}}]}}}}]}}]}}"#
    )
}

const TO_8: &str = r#"{"ts":1709290800,"request":{"recipient":{"id":"8"},"message":{"text":"x"}},"response":{"recipient_id":"8","message_id":"p1"}}"#;

#[test]
fn a_page_scoped_id_is_of_its_page_whatever_the_default_account() {
    let log = format!("{}\n{}\n{TO_8}\n", message("111", "7", "a"), message("222", "8", "b"));
    assert_eq!(verdicts(&log, "111"), ["messenger 222 8 allowed messenger-window"]);
}

#[test]
fn a_call_from_one_of_several_numbers_is_nobodys() {
    let call = r#"{"ts":1709290800,"request":{"messaging_product":"whatsapp","to":"4915550001","type":"text","text":{"body":"x"}}}"#;
    let log = format!("{}\n{}\n{call}\n", whatsapp("777", "4915550001", "w1"), whatsapp("888", "4915550002", "w2"));
    assert_eq!(verdicts(&log, ""), ["whatsapp  4915550001 unproven recipient-unresolved"]);
    let only = format!("{}\n{call}\n", whatsapp("777", "4915550001", "w1"));
    assert_eq!(verdicts(&only, ""), ["whatsapp 777 4915550001 allowed whatsapp-service-window"]);
}

#[test]
fn a_brazilian_number_as_dialled_is_not_the_one_that_wrote() {
    let call = r#"{"ts":1709290800,"phone_number_id":"777","request":{"messaging_product":"whatsapp","to":"5511987654321","type":"text","text":{"body":"x"}}}"#;
    let log = format!("{}\n{call}\n", whatsapp("777", "551187654321", "w1"));
    assert_eq!(verdicts(&log, ""), ["whatsapp 777 5511987654321 unproven recipient-unresolved"]);
}

#[test]
fn a_private_reply_is_where_its_comment_is() {
    let comment = r#"{"object":"instagram","entry":[{"id":"17841400000000001","time":1709287200,"changes":[{"field":"comments","value":{"id":"c1","text":"price","from":{"id":"9001"},"media":{"id":"m"}}}]}]}"#;
    let call = r#"{"ts":1709460000,"request":{"recipient":{"comment_id":"c1"},"message":{"text":"x"}},"response":{"recipient_id":"42","message_id":"p1"}}"#;
    assert_eq!(
        verdicts(&format!("{comment}\n{call}\n"), ""),
        ["instagram 17841400000000001 42 allowed instagram-private-reply"]
    );
}
