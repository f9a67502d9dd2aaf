//! The judgement of one send: which claim it makes, which rows cover that claim on its day, and whether their terms are
//! met by the facts.
//!
//! One rule of thumb runs through it: a claim that the policy does not have on this channel and day leaves the send with
//! nothing but the standard window.

mod opening;
mod tokens;
mod window;

use chrono::NaiveDate;

use crate::event::{Category, Channel, Event, Kind, MessagingType, Sender, TokenType};
use crate::policy::{Claim, Exclusion, Opener, Permission, Policy, Standing};
use crate::replay::ReplayOptions;
use crate::replay::facts::{Account, Comment, Conversation, Mark, Token, Tokens, Touch};
use crate::replay::verdict::{Breach, Cause, Doubt, Opening, Permit, Reason, Verdict};
use crate::rule::Rule;
use crate::survey::Beginnings;
use opening::State;

/// Names of structured messages that need no approval: as a `template` they say nothing special.
const STRUCTURED: &[&str] = &[
    "generic",
    "button",
    "buttons",
    "media",
    "receipt",
    "list",
    "open_graph",
    "product",
    "coupon",
    "text",
    "airline_boardingpass",
    "airline_checkin",
    "airline_itinerary",
    "airline_update",
    "customer_information",
];

/// One send and all that is known at its moment.
#[derive(Clone, Copy)]
pub(super) struct Case<'r, 'p> {
    pub(super) policy: &'p Policy,
    pub(super) options: &'r ReplayOptions,
    pub(super) tokens: &'r Tokens,
    pub(super) beginnings: &'r Beginnings,
    pub(super) account: Option<&'r Account>,
    /// The conversation's index and facts; `None` if this send is its first event.
    pub(super) index: Option<usize>,
    pub(super) conversation: Option<&'r Conversation>,
    pub(super) send: &'r Event<'r>,
    /// The index of the send's token, if it was met before.
    pub(super) token: Option<usize>,
    /// Moves dated after the send that may have come before it: clocks differ, and so does the precision of times.
    pub(super) late: &'r [Event<'r>],
    /// The day whose policy judges it.
    pub(super) day: NaiveDate,
}

/// When the user stopped something, as seen from a send.
#[derive(Clone, Copy, Debug)]
enum Stop {
    /// Then, before the send.
    Before(Mark),
    /// Before or after the send: the times are not precise enough.
    Blurred,
    /// Not before the send.
    None,
}

/// What the checks of one send have gathered.
#[derive(Default)]
struct Gathered<'p> {
    breaches: Vec<Breach<'p>>,
    doubts: Vec<Doubt<'p>>,
    permit: Option<Permit<'p>>,
}

impl<'p> Gathered<'p> {
    fn breach(&mut self, rule: Rule, permission: Option<&'p Permission>, opening: Option<Opening>, cause: Cause<'p>) {
        // Where sources disagree that a row was in force, nobody is accused by it.
        if permission.is_some_and(|row| row.unsure) {
            return self.doubt(Reason::TermsUnclear, rule, permission, opening);
        }
        if self.breaches.is_empty() {
            // Nearly every violation is of one rule, and a report keeps many.
            self.breaches.reserve_exact(1);
        }
        self.breaches.push(Breach { rule, permission, opening, cause, idle: None });
    }

    fn doubt(&mut self, reason: Reason, rule: Rule, permission: Option<&'p Permission>, opening: Option<Opening>) {
        self.doubts.push(Doubt { reason, rule, permission, opening });
    }

    fn permit(&mut self, permission: &'p Permission, opening: Option<Opening>) {
        self.permit = Some(Permit { permission: Some(permission), opening, needless_tag: false });
    }

    /// Proof comes before doubt, doubt before permission.
    fn verdict(self) -> Verdict<'p> {
        if !self.breaches.is_empty() {
            return Verdict::Violation(self.breaches);
        }
        match self.doubts.into_iter().min_by_key(|doubt| doubt.reason) {
            Some(doubt) => Verdict::Unproven(doubt),
            None => {
                let nothing_known = Permit { permission: None, opening: None, needless_tag: false };
                Verdict::Allowed(self.permit.unwrap_or(nothing_known))
            }
        }
    }
}

impl<'r, 'p> Case<'r, 'p> {
    pub(super) fn verdict(&self) -> Verdict<'p> {
        let mut found = Gathered::default();
        let tag_row = match self.send.tag {
            Some(tag) => self.check_tag(tag, &mut found),
            None => None,
        };
        if self.send.messaging_type == Some(MessagingType::MessageTag) && self.send.tag.is_none() {
            found.breach(Rule::MissingTag, self.plain_window(), None, Cause::Itself);
        }
        let knows_rules = self.policy.begins(self.send.channel).is_some_and(|first| first <= self.day);
        let names_its_claim = self.send.tag.is_some() || self.send.messaging_type == Some(MessagingType::MessageTag);
        let claim = self.claim();
        // A tag that does not hold has said what the send relies on, and has been judged; so has a missing one.
        if knows_rules && !(names_its_claim && tag_row.is_none() && matches!(claim, Claim::Response | Claim::Tag)) {
            // A comment is answered, not a user, and a template may go to anybody: who it is does not matter.
            let to_anybody = matches!(claim, Claim::PrivateReply | Claim::Template);
            if self.send.recipient_hidden && !to_anybody {
                self.check_unresolved(claim, &mut found);
            } else {
                self.check_claim(claim, tag_row, &mut found);
            }
        }
        found.verdict()
    }

    /// What the send relies on. What only WhatsApp or only the others have, is nothing special elsewhere.
    pub(super) fn claim(&self) -> Claim {
        let send = self.send;
        if send.channel == Channel::Whatsapp {
            return match (send.template, send.category) {
                (Some(_), _) | (None, Some(Category::Marketing | Category::Authentication)) => Claim::Template,
                (None, Some(Category::Utility)) if self.has(Claim::DirectUtility) => Claim::DirectUtility,
                // Before that, whatever was billed as utility was a template.
                (None, Some(Category::Utility)) => Claim::Template,
                (None, Some(Category::Service) | None) => Claim::Response,
            };
        }
        if send.token.is_some() {
            return match (self.token_type(), send.category) {
                // Before the paid API such a token was that of a recurring notification, whatever it was called.
                (TokenType::Recurring, Some(Category::Marketing)) if self.has(Claim::Marketing) => Claim::Marketing,
                (TokenType::Recurring, _) => Claim::Recurring,
                (TokenType::OneTime, _) => Claim::OneTime,
            };
        }
        if send.comment.is_some() {
            return Claim::PrivateReply;
        }
        if send.sponsored {
            return Claim::Sponsored;
        }
        match send.template {
            Some("one_time_notif_req") => return Claim::OneTimeRequest,
            Some("notification_messages") => return Claim::RecurringRequest,
            Some("customer_feedback") => return Claim::Feedback,
            _ => {}
        }
        if let Some(tag) = send.tag {
            return match self.policy.standing(send.channel, tag, self.day) {
                Standing::InForce(row) => row.claim,
                _ => Claim::Tag,
            };
        }
        match (send.messaging_type, send.template) {
            (Some(MessagingType::NonPromotionalSubscription), _) => Claim::Subscription,
            (Some(MessagingType::Utility), _) => Claim::Utility,
            // Meta's own samples leave the type out where a template is named.
            (None, Some(name)) if !name.is_empty() && !STRUCTURED.contains(&name) => Claim::Utility,
            _ => Claim::Response,
        }
    }

    /// The row that covers the claim, met or not. Tokens promise nothing about content, so that theirs are left out.
    pub(super) fn claimed_row(&self) -> Option<&'p Permission> {
        let tag_row = self.send.tag.and_then(|tag| match self.policy.standing(self.send.channel, tag, self.day) {
            Standing::InForce(row) => Some(row),
            _ => None,
        });
        match self.claim() {
            Claim::Response | Claim::OneTime | Claim::Recurring | Claim::Marketing => None,
            Claim::Tag => tag_row,
            _ if self.send.tag.is_some() && tag_row.is_none() => None,
            claim => self.policy.in_force(self.send.channel, self.day).find(|row| row.claim == claim),
        }
    }

    /// What the send uses up if Meta takes it. A claim that the policy does not have here and now uses what a plain
    /// send would.
    pub(super) fn spends(&self) -> Claim {
        match self.claim() {
            Claim::Tag => Claim::Tag,
            claim if self.has(claim) => claim,
            _ => Claim::Response,
        }
    }

    /// Whether the policy has this claim on the channel and day of the send.
    fn has(&self, claim: Claim) -> bool {
        self.policy.in_force(self.send.channel, self.day).any(|row| row.claim == claim)
    }

    /// What the send says; else what the user's own moves said of the token; else the contract's default, where the channel
    /// has such tokens and the send is not called marketing.
    fn token_type(&self) -> TokenType {
        let known = self.token().and_then(|token| token.token_type);
        let one_time = self.send.channel == Channel::Messenger && self.send.category != Some(Category::Marketing);
        let default = if one_time { TokenType::OneTime } else { TokenType::Recurring };
        self.send.token_type.or(known).unwrap_or(default)
    }

    /// Whether the tag holds on this channel and day, and by which row. What it does not hold for is a breach.
    fn check_tag(&self, tag: &str, found: &mut Gathered<'p>) -> Option<&'p Permission> {
        match self.policy.standing(self.send.channel, tag, self.day) {
            Standing::InForce(row) => return Some(row),
            Standing::Ended(row) => found.breach(Rule::RetiredTag, Some(row), None, Cause::Itself),
            Standing::NotYet(row) => found.breach(Rule::PrematureTag, Some(row), None, Cause::Itself),
            Standing::Elsewhere(row) => {
                found.breach(Rule::TagNotOnChannel, self.plain_window(), None, Cause::OtherChannel(row));
            }
            Standing::Never => found.breach(Rule::UnknownTag, self.plain_window(), None, Cause::Itself),
        }
        None
    }

    /// A send to somebody whom the log does not identify: only what the token itself shows can be judged.
    fn check_unresolved(&self, claim: Claim, found: &mut Gathered<'p>) {
        let row = self.policy.in_force(self.send.channel, self.day).find(|row| row.claim == claim);
        if let (Claim::OneTime, Some(row)) = (claim, row) {
            self.check_reuse(row, found);
        }
        found.doubt(Reason::RecipientUnresolved, Rule::OutsideWindow, row, None);
    }

    fn check_claim(&self, claim: Claim, tag_row: Option<&'p Permission>, found: &mut Gathered<'p>) {
        let row = match claim {
            Claim::Response => return self.check_window(found),
            Claim::Tag => tag_row,
            Claim::Recurring => self.recurring_row(),
            _ => self.policy.in_force(self.send.channel, self.day).find(|row| row.claim == claim),
        };
        let Some(row) = row else {
            let recurring = matches!(claim, Claim::Recurring | Claim::RecurringRequest);
            return match self.policy.ended(self.send.channel, claim, self.day).filter(|_| recurring) {
                Some(ended) => found.breach(Rule::RecurringEnded, Some(ended), None, Cause::Itself),
                None => self.check_window(found),
            };
        };
        self.check_conditions(row, found);
        match claim {
            Claim::Tag => self.check_tagged(row, found),
            Claim::Subscription => match self.open_window() {
                Some((window, opening)) => found.permit(window, opening),
                None => self.check_approval(row, Rule::SubscriptionNotApproved, found),
            },
            Claim::DirectUtility => match self.open_window() {
                Some((window, opening)) => found.permit(window, opening),
                None => self.check_approval(row, Rule::OutsideWindow, found),
            },
            Claim::OneTime => self.check_one_time(row, found),
            Claim::Recurring => self.check_recurring(row, found),
            Claim::Marketing => self.check_marketing(row, found),
            Claim::PrivateReply => self.check_private_reply(row, found),
            Claim::OneTimeRequest => self.check_request(row, Rule::OtnRequestOutsideWindow, found),
            Claim::RecurringRequest => self.check_request(row, Rule::RecurringRequestOutsideWindow, found),
            Claim::Feedback => self.check_open(row, Rule::FeedbackExpired, found),
            Claim::Template => self.check_template(row, found),
            Claim::Utility | Claim::Sponsored | Claim::Response => self.check_open(row, Rule::OutsideWindow, found),
        }
    }

    // --- Conditions that many rows share ---------------------------------------------------------------------------

    fn check_conditions(&self, row: &'p Permission, found: &mut Gathered<'p>) {
        if row.human && self.send.sender == Some(Sender::Bot) {
            found.breach(Rule::HumanAgentAutomated, Some(row), None, Cause::Itself);
        }
        if row.forbids_promotion(self.send.category) && self.send.says_it_promotes() {
            found.breach(Rule::PromotionalContent, Some(row), None, Cause::Itself);
        }
        if !row.only_in.is_empty() {
            // Meta ended the product everywhere else.
            match self.region().map(|region| self.policy.is_in(region, &row.only_in)) {
                Some(true) => {}
                Some(false) => found.breach(Rule::RecurringEnded, Some(row), None, Cause::NotInRegion),
                None => found.doubt(Reason::RegionUnknown, Rule::RecurringEnded, Some(row), None),
            }
        }
        for exclusion in self.policy.exclusions_of(self.send.channel, row.claim, self.day) {
            if exclusion.category.is_some() && exclusion.category != self.send.category {
                continue;
            }
            match self.is_excluded(exclusion) {
                Some(true) => found.breach(Rule::RegionExcluded, Some(row), None, Cause::Excluded(exclusion)),
                Some(false) => {}
                None => found.doubt(Reason::RegionUnknown, Rule::RegionExcluded, Some(row), None),
            }
        }
    }

    fn check_approval(&self, row: &'p Permission, rule: Rule, found: &mut Gathered<'p>) {
        let Some(approval) = &row.approval else { return self.check_open(row, rule, found) };
        match self.options.approvals.get(approval) {
            None => found.doubt(Reason::ApprovalUnknown, rule, Some(row), None),
            Some(accounts) if accounts.iter().any(|account| account == self.send.account) => {
                self.check_open(row, rule, found);
            }
            // Without the approval there is still the window.
            Some(_) => match self.doubtful_window() {
                Some((reason, _, opening)) => found.doubt(reason, rule, Some(row), opening),
                None => found.breach(rule, Some(row), None, Cause::Itself),
            },
        }
    }

    /// The country of the user: what the log says, or the prefix of a business-scoped id (`US.1349...`).
    fn region(&self) -> Option<&str> {
        let of_id = || {
            let (prefix, rest) = self.send.user.split_once('.')?;
            let country = prefix.len() == 2 && prefix.bytes().all(|c| c.is_ascii_uppercase());
            (self.send.channel == Channel::Whatsapp && country && !rest.is_empty()).then_some(prefix)
        };
        self.send.region.or_else(|| self.conversation?.region.as_deref()).or_else(of_id)
    }

    /// Whether an exclusion reaches the user; `None` if the log cannot tell.
    fn is_excluded(&self, exclusion: &Exclusion) -> Option<bool> {
        if let Some(region) = self.region() {
            return Some(self.policy.is_in(region, &exclusion.regions));
        }
        let number: String =
            self.send.user.trim_start_matches("whatsapp:").chars().filter(|c| !"+-() .".contains(*c)).collect();
        let is_number = !number.is_empty() && number.bytes().all(|c| c.is_ascii_digit());
        let code = exclusion.calling_code.as_ref()?;
        (is_number && !number.starts_with(code.as_str())).then_some(false)
    }

    // --- Tags, templates and requests --------------------------------------------------------------------------------

    /// A send under a valid tag: inside the window any of them is covered, outside it by the tag's own terms.
    fn check_tagged(&self, row: &'p Permission, found: &mut Gathered<'p>) {
        match self.open_window() {
            Some((window, opening)) => {
                found.permit = Some(Permit { permission: Some(window), opening, needless_tag: row.human });
            }
            None => {
                let rule = if row.human { Rule::HumanAgentExpired } else { Rule::OutsideWindow };
                self.check_open(row, rule, found);
            }
        }
    }

    fn check_open(&self, row: &'p Permission, rule: Rule, found: &mut Gathered<'p>) {
        match self.state(row) {
            State::Open(opening) => found.permit(row, opening),
            State::Blurred(opening) => found.doubt(Reason::TimePrecision, rule, Some(row), Some(opening)),
            State::Unclear(opening) => found.doubt(Reason::TermsUnclear, rule, Some(row), Some(opening)),
            State::Shut(opening) => found.breach(rule, Some(row), Some(opening), Cause::Late),
            State::Never => found.breach(rule, Some(row), None, Cause::NeverOpened),
            State::LogStartsLate => found.doubt(Reason::LogStartsLate, rule, Some(row), None),
        }
    }

    /// A request needs the standard window, which may be longer than its own row knows.
    fn check_request(&self, row: &'p Permission, rule: Rule, found: &mut Gathered<'p>) {
        match (self.state(row), self.doubtful_window()) {
            (State::Shut(_) | State::Never, Some((reason, _, opening))) => {
                found.doubt(reason, rule, Some(row), opening);
            }
            _ => self.check_open(row, rule, found),
        }
    }

    fn check_template(&self, row: &'p Permission, found: &mut Gathered<'p>) {
        let stopped = self.conversation.and_then(|conversation| conversation.stopped);
        match (self.stop(stopped), self.send.category) {
            (stop, Some(Category::Marketing)) => self.check_stop(stop, Rule::MarketingAfterStop, row, found),
            (Stop::Before(_), None) => found.doubt(Reason::ClaimNotVisible, Rule::MarketingAfterStop, Some(row), None),
            _ => {}
        }
        if !self.options.require_optin {
            return found.permit(row, None);
        }
        match self.latest(&[Opener::Optin, Opener::RecurringOptin]) {
            Some(touch) => {
                found.permit(row, Some(Opening { by: touch.mark(), closes_at: None }));
            }
            None if self.options.complete => found.breach(Rule::OptinMissing, Some(row), None, Cause::NeverOpened),
            None => found.doubt(Reason::LogStartsLate, Rule::OptinMissing, Some(row), None),
        }
    }

    /// Whether a stop came before the send. One at the very moment of the send may have come after it, and is no evidence.
    fn stop(&self, stopped: Option<Mark>) -> Stop {
        let Some(mark) = stopped.filter(|mark| mark.at < self.send.at) else { return Stop::None };
        let certain = mark.at.plus_ms(i64::from(mark.precision_ms) + self.send.blur_ms().0) <= self.send.at;
        if certain { Stop::Before(mark) } else { Stop::Blurred }
    }

    fn check_stop(&self, stop: Stop, rule: Rule, row: &'p Permission, found: &mut Gathered<'p>) {
        match stop {
            Stop::Before(mark) => found.breach(rule, Some(row), None, Cause::Stopped(mark)),
            Stop::Blurred => found.doubt(Reason::TimePrecision, rule, Some(row), None),
            Stop::None => {}
        }
    }

    /// What is known of the send's token.
    fn token(&self) -> Option<&'r Token> {
        self.token.and_then(|index| self.tokens.at(index))
    }

    /// Whether an event is of the conversation of the send.
    pub(super) fn is_of_user(&self, event: &Event<'_>) -> bool {
        (event.channel, event.account, event.user) == (self.send.channel, self.send.account, self.send.user)
    }

    // --- Private replies -----------------------------------------------------------------------------------------------

    fn check_private_reply(&self, row: &'p Permission, found: &mut Gathered<'p>) {
        let comments = self.account.map(|account| &account.comments);
        let comment = self.send.comment.and_then(|id| comments.and_then(|comments| comments.get(id)));
        if let Some(replied) = comment.and_then(|comment: &Comment| comment.replied) {
            found.breach(Rule::PrivateReplyRepeated, Some(row), None, Cause::Spent(replied));
        } else if comment.is_some_and(|comment| comment.may_be_replied) {
            found.doubt(Reason::ClaimNotVisible, Rule::PrivateReplyRepeated, Some(row), None);
        }
        let rule = Rule::PrivateReplyLate;
        let late = || {
            let same = |event: &&Event<'_>| {
                (event.channel, event.account, event.kind) == (self.send.channel, self.send.account, Kind::Comment)
                    && event.comment.or(event.id) == self.send.comment
            };
            let event = self.late.iter().find(same)?;
            Some(Touch::of(Opener::Comment, &Event { at: self.send.at, ..*event }))
        };
        let written = comment.and_then(|comment| comment.written).filter(|touch| touch.at <= self.send.at);
        match written.or_else(late) {
            Some(touch) => match self.state_after(touch, row) {
                State::Shut(opening) => found.breach(rule, Some(row), Some(opening), Cause::Late),
                State::Blurred(opening) => found.doubt(Reason::TimePrecision, rule, Some(row), Some(opening)),
                State::Open(opening) => found.permit(row, opening),
                _ => {}
            },
            None => match self.state_without_touch(row) {
                State::LogStartsLate => found.doubt(Reason::LogStartsLate, rule, Some(row), None),
                // An account whose comments are not logged at all proves nothing by not showing one.
                _ if !self.options.complete && !self.shows_comments() => {
                    found.doubt(Reason::RecipientUnresolved, rule, Some(row), None);
                }
                _ => found.breach(rule, Some(row), None, Cause::NeverOpened),
            },
        }
    }
}
