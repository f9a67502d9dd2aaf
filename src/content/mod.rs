//! Reads whether a text promotes, and which words show it.
//!
//! A tag says what software claims, not what the business means: "50 % off this weekend!" under CONFIRMED_EVENT_UPDATE
//! breaks the policy whatever the clock says. This part reads the text alone. It finds phrases (a lexicon in nine languages,
//! which is data, see [`Lexicon`]), numbers by what they count, links and signs; each is evidence of a kind, each kind has
//! a weight, and the sum is the score. Evidence against promotion (order numbers, parcels, passcodes, dates of a booking) is
//! subtracted. It knows no log, clock or file, and the same text always has the same score.
//!
//! ```
//! use fbwin::content::{Confidence, Lexicon};
//!
//! let lexicon = Lexicon::built_in();
//! let reading = lexicon.read("Flash sale! 50% off everything, today only. Shop now: https://shop.example/sale");
//! assert_eq!(lexicon.confidence(&reading), Some(Confidence::High));
//! assert!(reading.matched.contains(&"Flash sale".to_owned()));
//!
//! let honest = lexicon.read("Your order #48213 has shipped and will arrive on Tuesday.");
//! assert_eq!(lexicon.confidence(&honest), None);
//! ```

mod draft;
mod file;
mod fold;
mod forms;
mod language;
mod learned;
mod lexicon;
mod mould;
mod phrases;
mod reading;
mod token;

use crate::event::words;

pub use file::LexiconError;
pub use lexicon::Lexicon;
pub use mould::mould;
pub use reading::Reading;

words! {
    /// What a piece of a text is evidence of. The first ones speak for promotion, up to [`Evidence::Variety`]; those after it
    /// speak against, and the last ones say what else the text is.
    Evidence {
        /// An offer named as one: flash sale, special offer, two for one.
        Offer = "offer",
        /// Money off: 20 % off, half price, save $10.
        Discount = "discount",
        /// A code or voucher for the next purchase.
        Coupon = "coupon",
        /// Something for nothing: a gift, a prize, free delivery.
        Gift = "gift",
        /// Little time or few pieces: today only, last chance.
        Urgency = "urgency",
        /// A call to buy, book or subscribe.
        Buy = "buy",
        /// Something new to sell: a collection, a launch, back in stock.
        Novelty = "novelty",
        /// More, or better, than was bought: you may also like, upgrade to.
        Upsell = "upsell",
        /// Points, members, referrals.
        Loyalty = "loyalty",
        /// A lure without an offer: we miss you, treat yourself, still in your cart.
        Lure = "lure",
        /// Praise: best prices, unbeatable.
        Hype = "hype",
        /// A word that may promote: sale, offer, discount.
        Hint = "hint",
        /// A percentage.
        Percent = "percent",
        /// An amount of money.
        Price = "price",
        /// A link into a shop or with a campaign's parameters.
        ShopLink = "shop-link",
        /// Pictures that advertisements like.
        Emoji = "emoji",
        /// Capitals and exclamation marks.
        Shouting = "shouting",
        /// A question: service tells, whoever sells asks.
        Question = "question",
        /// Several kinds at once.
        Variety = "variety",
        /// About an order that was placed.
        Order = "order",
        /// About a parcel.
        Shipping = "shipping",
        /// About an appointment, journey or event of the user's.
        Booking = "booking",
        /// A passcode.
        Passcode = "passcode",
        /// About a payment made or due.
        Payment = "payment",
        /// About an account or application.
        Account = "account",
        /// An answer to a question.
        Support = "support",
        /// What sounds like an offer and is settled: the discount was applied, the deposit is refunded.
        Settled = "settled",
        /// News as a reporter writes it.
        Press = "press",
        /// The number of an order, parcel or passcode.
        Number = "number",
        /// A date or time of day.
        When = "when",
        /// A survey or a request for a review.
        Survey = "survey",
        /// About something that is over.
        PastEvent = "past-event",
        /// What comes again every month: a bill, a statement, a list of jobs.
        Recurring = "recurring",
        /// Nothing: keeps what it covers from counting.
        Neutral = "neutral",
    }
}

impl Evidence {
    /// Whether it speaks for promotion.
    pub fn promotes(self) -> bool {
        self <= Evidence::Variety
    }

    /// Whether it speaks against.
    pub fn excuses(self) -> bool {
        Evidence::Variety < self && self <= Evidence::Survey
    }
}

words! {
    /// How sure it is what a text, or a habit, shows.
    Confidence {
        /// Worth a look.
        Low = "low",
        /// Probably.
        Medium = "medium",
        /// As good as certain.
        High = "high",
    }
}

/// From which score on a text is thought to promote, and how surely.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// Low confidence from here.
    pub low: f64,
    /// Medium confidence from here.
    pub medium: f64,
    /// High confidence from here.
    pub high: f64,
}
