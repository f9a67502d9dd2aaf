//! The dated policy: what Meta allowed, when, and where it says so.
//!
//! The rows live in one TOML file (`meta.toml` beside this module, or anybody's own); this module gives them types and
//! answers which of them were in force. What breaks them is the replay core's business.

mod check;
mod read;

use std::collections::HashMap;

use chrono::NaiveDate;

use crate::content::Evidence;
use crate::event::{Category, Channel, Frequency, words};
use crate::rule::Rule;
use crate::time::Span;

pub use read::PolicyError;

words! {
    /// What a send relies on.
    Claim {
        /// Nothing special: the standard or customer service window.
        Response = "response",
        /// A message tag.
        Tag = "tag",
        /// Subscription messaging, until 2020; news since.
        Subscription = "subscription",
        /// A one-time token.
        OneTime = "one-time",
        /// The request for a one-time token.
        OneTimeRequest = "one-time-request",
        /// A token of recurring notifications (later: marketing messages).
        Recurring = "recurring",
        /// The request for such a token.
        RecurringRequest = "recurring-request",
        /// A marketing message of the paid API.
        Marketing = "marketing",
        /// A utility template on Messenger.
        Utility = "utility",
        /// A customer feedback request.
        Feedback = "feedback",
        /// A sponsored placement.
        Sponsored = "sponsored",
        /// A private reply to a comment.
        PrivateReply = "private-reply",
        /// A WhatsApp template.
        Template = "template",
        /// A WhatsApp utility message without a template.
        DirectUtility = "direct-utility",
    }
}

words! {
    /// Something the user did that may open a permission.
    Opener {
        /// Wrote.
        Message = "message",
        /// Pressed a button of the conversation.
        Postback = "postback",
        /// Opted in through a plugin, or to WhatsApp templates.
        Optin = "optin",
        /// Tapped "Notify me".
        OtnOptin = "otn_optin",
        /// Subscribed to recurring notifications.
        RecurringOptin = "recurring_optin",
        /// Followed a link or plugin into the conversation.
        Referral = "referral",
        /// Wrote first after clicking an ad.
        AdMessage = "ad_message",
        /// Reacted to a message.
        Reaction = "reaction",
        /// Commented on a post.
        Comment = "comment",
        /// Called, or accepted a call.
        Call = "call",
        /// Answered a feedback form.
        Feedback = "feedback",
        /// Any earlier move, even one before the log: the id itself shows that there was one.
        Any = "any",
    }
}

words! {
    /// How sure the source of a row is.
    Sure {
        /// Meta's own page or changelog.
        A = "A",
        /// Several independent sources agree.
        B = "B",
        /// One secondary source, or inferred.
        C = "C",
    }
}

/// The largest number of follow-ups that a row may allow.
pub const MOST_FOLLOW_UPS: u32 = 15;

/// At most one send in this much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// The calendar day, in UTC.
    Day,
    /// The calendar week from Monday, in UTC.
    Week,
    /// The calendar month, in UTC.
    Month,
    /// That many ms since the last one.
    Rolling(i64),
}

/// One row: on this channel, a send with this claim is covered for so long after such a move, under these conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Its name; later versions of the same permission share it.
    pub id: String,
    /// The channel it is for.
    pub channel: Channel,
    /// What a send must rely on.
    pub claim: Claim,
    /// The tag that makes the claim.
    pub tag: Option<String>,
    /// The moves that open it. Empty only for a row with `extra_after`.
    pub opened_by: Vec<Opener>,
    /// Moves of which Meta does not say whether they open it.
    pub unclear_by: Vec<Opener>,
    /// How long it stays open after the move; `None` is without end.
    pub lasts: Option<Span>,
    /// From here to the end of `lasts`, Meta does not say whether it is open.
    pub unclear_after: Option<Span>,
    /// The row whose closing opens this one for one more message.
    pub extra_after: Option<String>,
    /// How often, per grant; `None` is without limit.
    pub uses: Option<u32>,
    /// How often, in time.
    pub every: Option<Every>,
    /// A longer span in ms within which sources disagree about `every`.
    pub unclear_every_ms: Option<i64>,
    /// How many more messages may directly follow one.
    pub follow_ups: u32,
    /// How directly, in ms.
    pub follow_ups_within_ms: i64,
    /// Only tokens of this frequency.
    pub frequency: Option<Frequency>,
    /// Only tokens granted before this day.
    pub granted_before: Option<NaiveDate>,
    /// Only users of these regions; empty is everywhere.
    pub only_in: Vec<String>,
    /// The approval the account needs.
    pub approval: Option<String>,
    /// Whether a person must have written it.
    pub human: bool,
    /// Whether promotional content is allowed.
    pub promotion: bool,
    /// Template categories in which it is not.
    pub no_promotion_in: Vec<Category>,
    /// What else the text must not be: a survey, about something over, recurring.
    pub not_for: Vec<Evidence>,
    /// Whether such sends carried no mark.
    pub unmarked: bool,
    /// Whether sources disagree that it was in force.
    pub unsure: bool,
    /// What the message must be about.
    pub purpose: Option<String>,
    /// The first day in force.
    pub from: NaiveDate,
    /// The first day no longer in force.
    pub until: Option<NaiveDate>,
    /// Where it says so.
    pub source: String,
    /// How sure that is.
    pub sure: Sure,
    /// What to know besides.
    pub note: Option<String>,
    /// The row as its file has it.
    pub toml: String,
}

impl Permission {
    /// Whether the row is in force on `day`.
    pub fn holds_on(&self, day: NaiveDate) -> bool {
        holds(self.from, self.until, day)
    }

    /// Whether promotional content is forbidden in a message of this category.
    pub fn forbids_promotion(&self, category: Option<Category>) -> bool {
        !self.promotion || category.is_some_and(|category| self.no_promotion_in.contains(&category))
    }
}

/// Whether a row that holds from one day until another one is in force on `day`: the last day is the one before `until`.
pub fn holds(from: NaiveDate, until: Option<NaiveDate>, day: NaiveDate) -> bool {
    from <= day && until.is_none_or(|until| day < until)
}

/// A dated row that takes a permission away from some users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exclusion {
    /// Its name.
    pub id: String,
    /// The channel it is for.
    pub channel: Channel,
    /// The claim it is about.
    pub claim: Claim,
    /// Only templates of this category.
    pub category: Option<Category>,
    /// The regions it excludes.
    pub regions: Vec<String>,
    /// The calling code that the users of these regions share, perhaps with others.
    pub calling_code: Option<String>,
    /// The first day in force.
    pub from: NaiveDate,
    /// The first day no longer in force.
    pub until: Option<NaiveDate>,
    /// Where it says so.
    pub source: String,
    /// How sure that is.
    pub sure: Sure,
    /// What to know besides.
    pub note: Option<String>,
    /// The row as its file has it.
    pub toml: String,
}

/// What a code that Meta refused a send with says about the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The channels it is seen on.
    pub channels: Vec<Channel>,
    /// The code, where it matters.
    pub code: Option<i32>,
    /// The subcode, where it matters.
    pub subcode: Option<i32>,
    /// The rule that Meta found broken, by its name.
    pub means: String,
    /// Whether the code has other meanings too: it confirms that the rule was broken and does not prove it.
    pub confirms_only: bool,
    /// Where it says so.
    pub source: String,
}

/// Where a tag stands on a channel and day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing<'p> {
    /// In force by this row.
    InForce(&'p Permission),
    /// It ended with this row.
    Ended(&'p Permission),
    /// It begins with this row.
    NotYet(&'p Permission),
    /// Another channel has it, or had it: this row of that channel.
    Elsewhere(&'p Permission),
    /// No channel ever had it.
    Never,
}

/// All rows.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The newest source the table was compared with.
    pub checked: NaiveDate,
    /// The permissions, in the order of the file.
    pub permissions: Vec<Permission>,
    /// What they do not reach.
    pub exclusions: Vec<Exclusion>,
    /// What Meta's refusals say.
    pub refusals: Vec<Refusal>,
    /// Names that stand for several regions (`EU`).
    regions: Vec<(String, Vec<String>)>,
    /// The rows of each tag.
    by_tag: HashMap<String, Vec<usize>>,
    /// Per channel, the first day of which a rule for plain sends is known.
    begins: [Option<NaiveDate>; 3],
    /// Per channel, the first day of each era and the rows in force in it: terms change only between eras.
    eras: [Vec<(NaiveDate, Vec<usize>)>; 3],
}

/// The table built into the crate, as text.
pub const BUILT_IN: &str = include_str!("meta.toml");

impl Policy {
    /// Reads a policy and checks its laws.
    ///
    /// # Errors
    /// The first thing that is wrong with the text, and its line.
    pub fn parse(text: &str) -> Result<Policy, PolicyError> {
        let (mut policy, places) = read::read(text)?;
        check::check(&policy, &places)?;
        for channel in Channel::ALL {
            policy.eras[*channel as usize] = policy.eras_of(*channel);
            let plain = |row: &&Permission| row.channel == *channel && row.claim == Claim::Response;
            policy.begins[*channel as usize] = policy.permissions.iter().filter(plain).map(|row| row.from).min();
        }
        for (index, row) in policy.permissions.iter().enumerate() {
            if let Some(tag) = &row.tag {
                policy.by_tag.entry(tag.clone()).or_default().push(index);
            }
        }
        Ok(policy)
    }

    /// The table built into the crate. A test keeps it readable; if it were not, this would be a policy without rows.
    pub fn built_in() -> Policy {
        Policy::parse(BUILT_IN).unwrap_or_else(|_| Policy {
            checked: NaiveDate::MIN,
            permissions: Vec::new(),
            exclusions: Vec::new(),
            refusals: Vec::new(),
            regions: Vec::new(),
            by_tag: HashMap::new(),
            begins: Default::default(),
            eras: Default::default(),
        })
    }

    fn eras_of(&self, channel: Channel) -> Vec<(NaiveDate, Vec<usize>)> {
        let rows = || self.permissions.iter().enumerate().filter(|(_, row)| row.channel == channel);
        let mut days: Vec<NaiveDate> = rows().flat_map(|(_, row)| std::iter::once(row.from).chain(row.until)).collect();
        days.sort_unstable();
        days.dedup();
        days.into_iter()
            .map(|day| (day, rows().filter(|(_, row)| row.holds_on(day)).map(|(index, _)| index).collect()))
            .collect()
    }

    /// The rows of `channel` in force on `day`, in the order of the file.
    pub fn in_force(&self, channel: Channel, day: NaiveDate) -> impl Iterator<Item = &Permission> {
        let eras = &self.eras[channel as usize];
        let begun = eras.partition_point(|(first, _)| *first <= day);
        let rows = begun.checked_sub(1).map_or(&[][..], |era| &eras[era].1);
        rows.iter().map(|index| &self.permissions[*index])
    }

    /// The first day of which the table knows a rule for plain sends on `channel`; `None` if it knows none at all.
    pub fn begins(&self, channel: Channel) -> Option<NaiveDate> {
        self.begins[channel as usize]
    }

    /// Where `tag` (in upper snake case) stands on `channel` and `day`.
    pub fn standing(&self, channel: Channel, tag: &str, day: NaiveDate) -> Standing<'_> {
        let rows = self.by_tag.get(tag).map_or(&[][..], Vec::as_slice);
        let named = || rows.iter().map(|index| &self.permissions[*index]);
        let here = || named().filter(|row| row.channel == channel);
        if let Some(row) = here().find(|row| row.holds_on(day)) {
            return Standing::InForce(row);
        }
        if let Some(row) = here().filter(|row| day < row.from).min_by_key(|row| row.from) {
            return Standing::NotYet(row);
        }
        if let Some(row) = here().max_by_key(|row| row.from) {
            return Standing::Ended(row);
        }
        named().next().map_or(Standing::Never, Standing::Elsewhere)
    }

    /// The last version of the permissions for `claim` on `channel` that had ended by `day`.
    pub fn ended(&self, channel: Channel, claim: Claim, day: NaiveDate) -> Option<&Permission> {
        let gone = |row: &&Permission| {
            row.channel == channel && row.claim == claim && row.until.is_some_and(|until| until <= day)
        };
        self.permissions.iter().filter(gone).max_by_key(|row| row.until)
    }

    /// The exclusions for `claim` on `channel` and `day`.
    pub fn exclusions_of(&self, channel: Channel, claim: Claim, day: NaiveDate) -> impl Iterator<Item = &Exclusion> {
        self.exclusions
            .iter()
            .filter(move |row| row.channel == channel && row.claim == claim && holds(row.from, row.until, day))
    }

    /// What Meta meant by refusing a send with these codes; `None` if they say nothing about the policy by themselves.
    pub fn refusal(&self, channel: Channel, code: Option<i32>, subcode: Option<i32>) -> Option<&Refusal> {
        self.refusals_with(channel, code, subcode).find(|row| !row.confirms_only)
    }

    /// The refusal with these codes that says that `rule` was broken, or agrees that it was.
    pub fn confirms(&self, rule: Rule, channel: Channel, code: Option<i32>, subcode: Option<i32>) -> Option<&Refusal> {
        self.refusals_with(channel, code, subcode).find(|row| row.means == rule.word())
    }

    fn refusals_with(
        &self,
        channel: Channel,
        code: Option<i32>,
        subcode: Option<i32>,
    ) -> impl Iterator<Item = &Refusal> {
        self.refusals.iter().filter(move |row| {
            // A log may carry the code alone or the subcode alone; a subcode is the more telling of the two.
            let code_fits = row.code.is_none() || code.is_none() && row.subcode.is_some() || row.code == code;
            let subcode_fits = row.subcode.is_none() || row.subcode == subcode;
            row.channels.contains(&channel) && (code.is_some() || subcode.is_some()) && code_fits && subcode_fits
        })
    }

    /// The table's names for several regions, as TOML.
    pub fn regions_toml(&self) -> String {
        let groups = self.regions.iter().map(|(name, members)| format!("{name} = {members:?}\n"));
        format!("[regions]\n{}", groups.collect::<String>())
    }

    /// Whether `region` (ISO 3166 alpha-2) is one of `regions`, names such as `EU` included.
    pub fn is_in(&self, region: &str, regions: &[String]) -> bool {
        let same = |name: &str| name.eq_ignore_ascii_case(region) || name == "GB" && region.eq_ignore_ascii_case("UK");
        regions.iter().any(|name| {
            let members = self.regions.iter().find(|(group, _)| group == name).map(|(_, members)| members);
            same(name) || members.is_some_and(|members| members.iter().any(|member| same(member)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_table_keeps_its_laws() {
        if let Err(error) = Policy::parse(BUILT_IN) {
            panic!("meta.toml:{}: {}", error.line, error.reason);
        }
        assert!(!Policy::built_in().permissions.is_empty());
    }

    #[test]
    fn all_seventeen_old_tags_end_on_one_day() {
        let policy = Policy::built_in();
        let end = NaiveDate::from_ymd_opt(2020, 3, 4).unwrap();
        let old = [
            "SHIPPING_UPDATE",
            "RESERVATION_UPDATE",
            "ISSUE_RESOLUTION",
            "APPOINTMENT_UPDATE",
            "GAME_EVENT",
            "TRANSPORTATION_UPDATE",
            "FEATURE_FUNCTIONALITY_UPDATE",
            "TICKET_UPDATE",
            "PAYMENT_UPDATE",
            "PERSONAL_FINANCE_UPDATE",
            "PAIRING_UPDATE",
            "APPLICATION_UPDATE",
            "BUSINESS_PRODUCTIVITY",
            "COMMUNITY_ALERT",
            "CONFIRMED_EVENT_REMINDER",
        ];
        for tag in old {
            let last_day = end.pred_opt().unwrap();
            assert!(matches!(policy.standing(Channel::Messenger, tag, last_day), Standing::InForce(_)), "{tag}");
            assert!(matches!(policy.standing(Channel::Messenger, tag, end), Standing::Ended(_)), "{tag}");
            assert!(matches!(policy.standing(Channel::Instagram, tag, end), Standing::Elsewhere(_)), "{tag}");
        }
        // The other two of the 17 lived on in another shape.
        for tag in ["ACCOUNT_UPDATE", "NON_PROMOTIONAL_SUBSCRIPTION"] {
            assert!(matches!(policy.standing(Channel::Messenger, tag, end), Standing::InForce(_)), "{tag}");
        }
        assert_eq!(policy.standing(Channel::Messenger, "SHIPING_UPDATE", end), Standing::Never);
    }

    #[test]
    fn regions_know_their_members() {
        let policy = Policy::built_in();
        let some = ["EU".to_owned(), "GB".to_owned()];
        assert!(policy.is_in("DE", &some) && policy.is_in("uk", &some) && policy.is_in("EU", &some));
        assert!(!policy.is_in("US", &some) && !policy.is_in("CH", &some));
    }

    #[test]
    fn a_refusal_is_known_by_its_codes() {
        let policy = Policy::built_in();
        let means = |channel, code, subcode| policy.refusal(channel, code, subcode).map(|row| row.means.as_str());
        assert_eq!(means(Channel::Messenger, Some(10), Some(2_018_278)), Some("outside-window"));
        assert_eq!(means(Channel::Messenger, None, Some(2_018_278)), Some("outside-window"));
        assert_eq!(means(Channel::Messenger, Some(10), None), None, "10 alone is any lack of permission");
        assert_eq!(means(Channel::Messenger, Some(551), Some(1_545_041)), None);
        assert_eq!(means(Channel::Whatsapp, Some(131_047), None), Some("outside-window"));
        assert_eq!(means(Channel::Whatsapp, None, None), None);
    }
}
