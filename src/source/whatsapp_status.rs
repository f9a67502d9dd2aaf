//! Statuses of WhatsApp messages: all that webhooks show of what a business sent through the API.
//!
//! A status names no template. Its pricing tells at best what kind of message it was, and only pricing per message does:
//! until July 2025 the category was that of the whole conversation, in which free-form messages travelled too.

use crate::event::{Category, Event, Kind, Status, TEMPLATE_NOT_IN_LOG};

use super::json::Json;
use super::shape::Record;
use super::whatsapp::{Around, digits, region_of, same_person};

/// Reads one status: the send it tells of, and its delivery or reading.
pub(super) fn read_status(status: &Json<'_>, around: &Around<'_>, record: &mut Record<'_, '_>) -> Result<(), String> {
    let id = status.get("id").id().ok_or("has a status without the id of its message")?;
    let word = status.get("status").text().ok_or("has a status that does not say what it is")?.to_ascii_lowercase();
    let number = status.get("recipient_id").id().map(|number| digits(&number));
    let of_contact = || number.as_deref().and_then(|number| around.scoped_id(number));
    let scoped = status.get("recipient_user_id").id().or_else(of_contact);
    let user = number.as_deref().or(scoped.as_deref()).ok_or("names no user: a status has no `recipient_id`")?;
    let base = Event { id: Some(&id), region: region_of(scoped.as_deref()), ..around.event(status, user, record)? };
    if status.get("recipient_type").text() == Some("group") {
        return record.event(&Event { kind: Kind::Other, ..base });
    }
    same_person(scoped.as_deref(), number.as_deref(), record);
    let (taken, receipt) = match word.as_str() {
        "sent" => (Some(Status::Sent), None),
        "failed" => (Some(Status::Failed), None),
        "delivered" => (None, Some(Kind::Delivery)),
        "read" | "played" => (None, Some(Kind::Read)),
        "deleted" => (None, None),
        // A payment has statuses too.
        _ => {
            record.unknown(&format!("status {word}"));
            return Ok(());
        }
    };
    let failed = taken == Some(Status::Failed);
    let code = status.get("errors").elements().first().and_then(|error| error.get("code").integer());
    let code = code.and_then(|code| i32::try_from(code).ok()).filter(|_| failed);
    let claim = match code.and_then(claim_of_code) {
        Some(claim) => claim,
        None => claim_of_price(status),
    };
    // A message may be delivered or read days after it was sent: such a time is believed only if there is no other, and
    // must not accuse.
    let is_late = taken.is_none();
    record.event(&Event {
        kind: Kind::Send,
        template: claim.is_template.then_some(TEMPLATE_NOT_IN_LOG),
        category: claim.category,
        claim_hidden: claim.is_hidden || is_late,
        logged_at: base.logged_at || is_late,
        status: taken.or(Some(Status::Sent)),
        error_code: code,
        ..base
    })?;
    receipt.map_or(Ok(()), |kind| record.event(&Event { kind, region: None, ..base }))
}

/// What a status shows of the claim of its send.
struct Claim {
    is_template: bool,
    category: Option<Category>,
    /// Whether a request for the same message knows better. A status never shows which template it was.
    is_hidden: bool,
}

const UNKNOWN: Claim = Claim { is_template: false, category: None, is_hidden: true };
const FREE_FORM: Claim = Claim { is_template: false, category: None, is_hidden: false };
const TEMPLATE: Claim = Claim { is_template: true, category: None, is_hidden: true };

fn claim_of_price(status: &Json<'_>) -> Claim {
    let pricing = status.get("pricing");
    let origin = status.get("conversation").get("origin").get("type");
    let word = pricing.get("category").text().or(origin.text()).unwrap_or_default().to_ascii_lowercase();
    let per_message = pricing.get("pricing_model").text().map_or(pricing.has("type"), |model| model == "PMP");
    let category = match word.as_str() {
        "service" => return Claim { category: Some(Category::Service), ..FREE_FORM },
        "marketing" | "marketing_lite" => Category::Marketing,
        "utility" => Category::Utility,
        "authentication" | "authentication_international" | "authentication-international" => Category::Authentication,
        // A conversation that the business began could only begin with a template. What followed in it may have been
        // anything, but Meta let it through: outside the window it was a template, inside nobody asks.
        "business_initiated" => return TEMPLATE,
        // `user_initiated` and `referral_conversion` held both.
        _ => return UNKNOWN,
    };
    Claim { category: Some(category).filter(|_| per_message), ..TEMPLATE }
}

/// Some refusals tell what was refused.
fn claim_of_code(code: i32) -> Option<Claim> {
    match code {
        // More than 24 hours since the user's last message: asked of free-form messages only.
        131_047 | 470 => Some(FREE_FORM),
        // Too much marketing, an experiment with it, or the user stopped it.
        131_049 | 131_050 | 130_472 => Some(Claim { category: Some(Category::Marketing), ..TEMPLATE }),
        132_000..=132_099 => Some(TEMPLATE),
        _ => None,
    }
}
