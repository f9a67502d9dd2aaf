//! What a message shows beside its text: the cards and buttons of a template, quick replies, the words that are put into a
//! template. Whoever reads the message reads them, too; what a program hides behind a button nobody does.
//!
//! The address that a button opens is not among them. A link in a text says something of it, since most honest texts have
//! none; a button without one there is not.

use std::borrow::Cow;

use super::json::Json;

/// The keys of what is shown, in templates of Messenger, Instagram and WhatsApp.
const SHOWN: &[&str] = &[
    "text",
    "title",
    "subtitle",
    "description",
    "body",
    "footer",
    "caption",
    "button",
    "display_text",
    "flow_cta",
    "coupon_code",
    // The words of templates of the on-premises API.
    "default",
];

/// The lines that these parts of a message show, each once.
pub(super) fn lines<'j>(parts: impl IntoIterator<Item = &'j Json<'j>>) -> Option<String> {
    let mut lines = Vec::new();
    parts.into_iter().for_each(|part| gather(part, &mut lines));
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn gather<'j>(json: &'j Json<'_>, lines: &mut Vec<&'j str>) {
    match json {
        Json::Array(elements) => elements.iter().for_each(|element| gather(element, lines)),
        Json::Object(fields) if !is_receipt(json) => {
            for (key, value) in fields {
                match value {
                    Json::Text(text) if SHOWN.contains(&key.as_ref()) => {
                        let line = text.trim();
                        if !line.is_empty() && !lines.contains(&line) {
                            lines.push(line);
                        }
                    }
                    value => gather(value, lines),
                }
            }
        }
        _ => {}
    }
}

/// What was bought or booked is called what it is called, and is no offer.
fn is_receipt(payload: &Json<'_>) -> bool {
    payload.get("template_type").text().is_some_and(|kind| kind == "receipt" || kind.starts_with("airline"))
}

/// A text, and below it what is shown beside it and does not only repeat it.
pub(super) fn below<'t>(text: Option<&'t str>, beside: Option<&'t str>) -> Option<Cow<'t, str>> {
    let (Some(text), Some(beside)) = (text, beside) else { return text.or(beside).map(Cow::Borrowed) };
    let mut all = String::from(text);
    for line in beside.lines().filter(|line| *line != text.trim()) {
        all.push('\n');
        all.push_str(line);
    }
    Some(Cow::Owned(all))
}
