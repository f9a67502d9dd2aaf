//! The judgement of one send: which claim it makes, which rows cover that claim on its day, and whether their terms are
//! met by the facts.
//!
//! One rule of thumb runs through it: a claim that the policy does not have on this channel and day leaves the send with
//! nothing but the standard window.

use chrono::{Datelike, Days, Months, NaiveDate};

use crate::event::{Category, Channel, Event, MessagingType, Sender, TokenType};
use crate::policy::{Claim, Every, Exclusion, Opener, Permission, Policy, Standing};
use crate::replay::ReplayOptions;
use crate::replay::facts::{Account, Comment, Conversation, Grant, Mark, Token, Tokens, Touch};
use crate::replay::verdict::{Breach, Cause, Doubt, Opening, Permit, Reason, Verdict};
use crate::rule::Rule;
use crate::time::Time;

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
    pub(super) account: Option<&'r Account>,
    /// The conversation's index and facts; `None` if this send is its first event.
    pub(super) index: Option<usize>,
    pub(super) conversation: Option<&'r Conversation>,
    pub(super) send: &'r Event<'r>,
    /// The day whose policy judges it.
    pub(super) day: NaiveDate,
}

/// How a row stands at the moment of the send.
#[derive(Clone, Copy, Debug)]
enum State {
    /// Open. The log need not show by what, where an earlier move is certain.
    Open(Option<Opening>),
    /// Open or shut: the times are not precise enough.
    Blurred(Opening),
    /// Open or shut: Meta does not say.
    Unclear(Opening),
    Shut(Opening),
    /// No move in the log could have opened it.
    Never,
    /// No move in the log could have opened it, but one before its beginning could.
    LogStartsLate,
}

/// On which side of a limit a moment lies, given how precise the two are.
enum Side {
    Before,
    Blurred,
    After,
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
        self.breaches.push(Breach { rule, permission, opening, cause });
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
            found.breach(Rule::MissingTag, None, None, Cause::Itself);
        }
        let knows_rules = self.policy.begins(self.send.channel).is_some_and(|first| first <= self.day);
        let names_its_claim = self.send.tag.is_some() || self.send.messaging_type == Some(MessagingType::MessageTag);
        let claim = self.claim();
        // A tag that does not hold has said what the send relies on, and has been judged; so has a missing one.
        if knows_rules && !(names_its_claim && tag_row.is_none() && matches!(claim, Claim::Response | Claim::Tag)) {
            self.check_claim(claim, tag_row, &mut found);
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
        if let Some(token) = send.token {
            let token_type = self.token_type(token);
            return match (token_type, send.category) {
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

    /// Its opt-in knows best; then the send itself; then the contract's default, where the channel has such tokens.
    fn token_type(&self, token: &str) -> TokenType {
        let granted = self.tokens.find(token).and_then(|token| token.grants.first()).map(|grant| grant.token_type);
        let default = if self.send.channel == Channel::Messenger { TokenType::OneTime } else { TokenType::Recurring };
        granted.or(self.send.token_type).unwrap_or(default)
    }

    /// Whether the tag holds on this channel and day, and by which row. What it does not hold for is a breach.
    fn check_tag(&self, tag: &str, found: &mut Gathered<'p>) -> Option<&'p Permission> {
        match self.policy.standing(self.send.channel, tag, self.day) {
            Standing::InForce(row) => return Some(row),
            Standing::Ended(row) => found.breach(Rule::RetiredTag, Some(row), None, Cause::Itself),
            Standing::NotYet(row) => found.breach(Rule::PrematureTag, Some(row), None, Cause::Itself),
            Standing::Elsewhere(row) => found.breach(Rule::TagNotOnChannel, None, None, Cause::OtherChannel(row)),
            Standing::Never => found.breach(Rule::UnknownTag, None, None, Cause::Itself),
        }
        None
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
            Claim::Utility | Claim::Sponsored | Claim::Response => found.permit(row, None),
        }
    }

    // --- Conditions that many rows share ---------------------------------------------------------------------------

    fn check_conditions(&self, row: &'p Permission, found: &mut Gathered<'p>) {
        if row.human && self.send.sender == Some(Sender::Bot) {
            found.breach(Rule::HumanAgentAutomated, Some(row), None, Cause::Itself);
        }
        if row.forbids_promotion(self.send.category) && self.send.promotional == Some(true) {
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
        let Some(approval) = &row.approval else { return found.permit(row, None) };
        match self.options.approvals.get(approval) {
            None => found.doubt(Reason::ApprovalUnknown, rule, Some(row), None),
            Some(accounts) if accounts.iter().any(|account| account == self.send.account) => found.permit(row, None),
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
        let number = self.send.user.trim_start_matches('+');
        let is_number = !number.is_empty() && number.bytes().all(|c| c.is_ascii_digit());
        let code = exclusion.calling_code.as_ref()?;
        (is_number && !number.starts_with(code.as_str())).then_some(false)
    }

    // --- Openings --------------------------------------------------------------------------------------------------

    /// How a row that a move of the user opens stands now.
    fn state(&self, row: &Permission) -> State {
        if row.opened_by.contains(&Opener::Any) {
            return State::Open(None);
        }
        let known = self.latest(&row.opened_by);
        let state = known.map(|touch| self.state_after(touch, row));
        match state {
            Some(State::Shut(_)) | None => {}
            Some(state) => return state,
        }
        if let Some(touch) = self.latest(&row.unclear_by) {
            match self.state_after(touch, row) {
                State::Open(Some(opening)) | State::Blurred(opening) => return State::Unclear(opening),
                _ => {}
            }
        }
        state.unwrap_or_else(|| self.state_without_touch(row))
    }

    fn latest(&self, openers: &[Opener]) -> Option<Touch> {
        self.conversation.and_then(|conversation| conversation.latest(openers, self.send.at))
    }

    fn state_after(&self, touch: Touch, row: &Permission) -> State {
        let by = Mark { at: touch.at, place: touch.place };
        let Some(lasts) = row.lasts else { return State::Open(Some(Opening { by, closes_at: None })) };
        let closes_at = touch.at.plus(lasts);
        let opening = Opening { by, closes_at: Some(closes_at) };
        let certain = row.unclear_after.map(|unclear| self.side(touch.at.plus(unclear), touch.precision_ms));
        match (self.side(closes_at, touch.precision_ms), certain) {
            (Side::Before, None | Some(Side::Before)) => State::Open(Some(opening)),
            (Side::Before | Side::Blurred, Some(_)) => State::Unclear(opening),
            (Side::Blurred, None) => State::Blurred(opening),
            (Side::After, _) => State::Shut(opening),
        }
    }

    fn state_without_touch(&self, row: &Permission) -> State {
        if self.options.complete {
            return State::Never;
        }
        match row.lasts {
            Some(lasts) if self.log_begins().plus(lasts) <= self.send.at => State::Never,
            _ => State::LogStartsLate,
        }
    }

    /// From when on the log shows what happened on this account.
    fn log_begins(&self) -> Time {
        let first_record = || self.account.and_then(|account| account.first_record);
        self.options.log_begins.or_else(first_record).unwrap_or(self.send.at)
    }

    fn side(&self, limit: Time, limit_precision_ms: u32) -> Side {
        side(self.send.at, self.send.precision_ms, limit, limit_precision_ms)
    }

    // --- The standard window ---------------------------------------------------------------------------------------

    fn windows(&self) -> impl Iterator<Item = &'p Permission> {
        let plain = |row: &&Permission| row.claim == Claim::Response;
        self.policy.in_force(self.send.channel, self.day).filter(plain)
    }

    /// The window that is certainly open, whatever the send carries.
    fn open_window(&self) -> Option<(&'p Permission, Option<Opening>)> {
        let lasting = self.windows().filter(|row| row.extra_after.is_none() && !row.unmarked);
        lasting.into_iter().find_map(|row| match self.state(row) {
            State::Open(opening) => Some((row, opening)),
            _ => None,
        })
    }

    /// The window that may be open where none certainly is, and why that is not known.
    fn doubtful_window(&self) -> Option<DoubtfulWindow<'p>> {
        self.windows_not_open().0.into_iter().min_by_key(|(reason, ..)| *reason)
    }

    /// The windows that may be open, and one that is certainly shut.
    fn windows_not_open(&self) -> (Vec<DoubtfulWindow<'p>>, Option<ShutWindow<'p>>) {
        let mut shut = None;
        let mut doubts = Vec::new();
        for row in self.windows().filter(|row| row.extra_after.is_none() && !row.unmarked) {
            // A row that is unclear beyond some span only widens another one: a log that does not show its opener is
            // judged without it.
            let widens = row.unclear_after.is_some();
            match self.state(row) {
                State::Open(_) => {}
                State::Blurred(opening) => doubts.push((Reason::TimePrecision, row, Some(opening))),
                State::Unclear(opening) => doubts.push((Reason::TermsUnclear, row, Some(opening))),
                State::LogStartsLate if !widens => doubts.push((Reason::LogStartsLate, row, None)),
                State::Shut(opening) if !widens => shut = shut.or(Some((row, Some(opening), Cause::Late))),
                State::Never if !widens => shut = shut.or(Some((row, None, Cause::NeverOpened))),
                State::LogStartsLate | State::Shut(_) | State::Never => {}
            }
        }
        (doubts, shut)
    }

    /// A send that relies on nothing special.
    fn check_window(&self, found: &mut Gathered<'p>) {
        if let Some((row, opening)) = self.open_window() {
            return found.permit(row, opening);
        }
        let rule = Rule::OutsideWindow;
        let (mut doubts, mut shut) = self.windows_not_open();
        if let Some(extra) = self.windows().find(|row| row.extra_after.is_some()) {
            match self.extra_message(extra) {
                Extra::Unspent(opening) => return found.permit(extra, Some(opening)),
                Extra::MayBeSpent(reason, opening) => doubts.push((reason, extra, Some(opening))),
                Extra::MayBeUnspent(first) => doubts.push((Reason::LogStartsLate, first, None)),
                Extra::Spent(mark) => shut = shut.map(|(row, opening, _)| (row, opening, Cause::ExtraSpent(mark))),
                Extra::None => {}
            }
        }
        let unmarked = self.windows().find(|row| row.unmarked && self.send.promotional != Some(true));
        if let Some((reason, row, opening)) = doubts.into_iter().min_by_key(|(reason, ..)| *reason) {
            found.doubt(reason, rule, Some(row), opening);
        } else if let Some(row) = unmarked {
            found.doubt(Reason::ClaimNotVisible, rule, Some(row), shut.and_then(|(_, opening, _)| opening));
        } else {
            let (row, opening, cause) =
                shut.map_or((None, None, Cause::NeverOpened), |(row, opening, cause)| (Some(row), opening, cause));
            if self.send.claim_hidden && !self.options.untagged {
                found.doubt(Reason::ClaimNotVisible, rule, row, opening);
            } else {
                found.breach(rule, row, opening, cause);
            }
        }
    }

    /// The one more message after the window of `extra.extra_after` has closed.
    fn extra_message(&self, extra: &'p Permission) -> Extra<'p> {
        let first = self.windows().find(|row| extra.extra_after.as_ref() == Some(&row.id));
        let Some((first, lasts)) = first.and_then(|row| row.lasts.map(|lasts| (row, lasts))) else {
            return Extra::None;
        };
        let last_plain = self.conversation.and_then(|conversation| conversation.last_plain);
        let last_hidden = self.conversation.and_then(|conversation| conversation.last_hidden);
        // A move of which it is unclear whether it opens the window does not matter: had it, the send would be inside.
        if let Some(touch) = self.latest(&first.opened_by) {
            let closed = touch.at.plus(lasts);
            let since = |(mark, precision_ms): (Mark, u32)| side(mark.at, precision_ms, closed, touch.precision_ms);
            let opening = Opening { by: Mark { at: touch.at, place: touch.place }, closes_at: None };
            return match (last_plain.map(since), last_hidden.map(since)) {
                (Some(Side::After), _) => last_plain.map_or(Extra::None, |(mark, _)| Extra::Spent(mark)),
                (Some(Side::Blurred), _) => Extra::MayBeSpent(Reason::TimePrecision, opening),
                (_, Some(Side::After | Side::Blurred)) => Extra::MayBeSpent(Reason::ClaimNotVisible, opening),
                _ => Extra::Unspent(opening),
            };
        }
        // Somebody who wrote before the log began may still have one more message to come.
        let closed = self.log_begins().plus(lasts);
        if self.options.complete || self.send.at < closed {
            return Extra::None;
        }
        match last_plain.filter(|(mark, _)| closed <= mark.at) {
            Some((mark, _)) => Extra::Spent(mark),
            None => Extra::MayBeUnspent(first),
        }
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
        match (self.before_send(stopped), self.send.category) {
            (Some(stop), Some(Category::Marketing)) => {
                found.breach(Rule::MarketingAfterStop, Some(row), None, Cause::Stopped(stop));
            }
            (Some(_), None) => found.doubt(Reason::ClaimNotVisible, Rule::MarketingAfterStop, Some(row), None),
            _ => {}
        }
        if !self.options.require_optin {
            return found.permit(row, None);
        }
        match self.latest(&[Opener::Optin, Opener::RecurringOptin]) {
            Some(touch) => {
                let by = Mark { at: touch.at, place: touch.place };
                found.permit(row, Some(Opening { by, closes_at: None }));
            }
            None if self.options.complete => found.breach(Rule::OptinMissing, Some(row), None, Cause::NeverOpened),
            None => found.doubt(Reason::LogStartsLate, Rule::OptinMissing, Some(row), None),
        }
    }

    /// A stop at the very moment of the send may have come after it, and is no evidence.
    fn before_send(&self, mark: Option<Mark>) -> Option<Mark> {
        mark.filter(|mark| mark.at < self.send.at)
    }

    // --- Private replies -----------------------------------------------------------------------------------------------

    fn check_private_reply(&self, row: &'p Permission, found: &mut Gathered<'p>) {
        let comments = self.account.map(|account| &account.comments);
        let comment = self.send.comment.and_then(|id| comments.and_then(|comments| comments.get(id)));
        if let Some(replied) = comment.and_then(|comment: &Comment| comment.replied) {
            found.breach(Rule::PrivateReplyRepeated, Some(row), None, Cause::Spent(replied));
        }
        let rule = Rule::PrivateReplyLate;
        match comment.and_then(|comment| comment.written).filter(|touch| touch.at <= self.send.at) {
            Some(touch) => match self.state_after(touch, row) {
                State::Shut(opening) => found.breach(rule, Some(row), Some(opening), Cause::Late),
                State::Blurred(opening) => found.doubt(Reason::TimePrecision, rule, Some(row), Some(opening)),
                State::Open(opening) => found.permit(row, opening),
                _ => {}
            },
            None => match self.state_without_touch(row) {
                State::LogStartsLate => found.doubt(Reason::LogStartsLate, rule, Some(row), None),
                // An account whose comments are not logged at all proves nothing by not showing one.
                _ if !self.options.complete
                    && !comments.is_some_and(|comments| comments.values().any(|comment| comment.written.is_some())) =>
                {
                    found.doubt(Reason::RecipientUnresolved, rule, Some(row), None);
                }
                _ => found.breach(rule, Some(row), None, Cause::NeverOpened),
            },
        }
    }

    // --- Tokens --------------------------------------------------------------------------------------------------------

    fn token(&self) -> Option<&'r Token> {
        self.send.token.and_then(|text| self.tokens.find(text))
    }

    /// The grant of this token by this user, and one by somebody else.
    fn grants(&self) -> (Option<&'r Grant>, Option<&'r Grant>) {
        let grants = self.token().map_or(&[][..], |token| &token.grants);
        let mut granted = grants.iter().filter(|grant| grant.touch.at <= self.send.at);
        let own = granted.clone().find(|grant| Some(grant.conversation) == self.index);
        (own, granted.find(|grant| Some(grant.conversation) != self.index))
    }

    /// Earlier sends that spent this token: of this user, or of anybody if nobody is known to own it.
    fn spent(&self) -> Vec<Mark> {
        let (own, _) = self.grants();
        let spends = self.token().map_or(&[][..], |token| &token.spends);
        let counts = |spend: &&_| {
            let spend: &&crate::replay::facts::Spend = spend;
            own.is_none() || Some(spend.conversation) == self.index
        };
        spends.iter().filter(counts).map(|spend| spend.mark).collect()
    }

    /// Whether the token was this user's to spend, and still good.
    fn check_grant(
        &self,
        row: &'p Permission,
        unknown: Rule,
        wrong_user: Rule,
        expired: Rule,
        found: &mut Gathered<'p>,
    ) {
        let (own, other) = self.grants();
        match (own, other) {
            (Some(grant), _) => {
                let by = Mark { at: grant.touch.at, place: grant.touch.place };
                let expires = self.send.token_expires.or(grant.expires);
                let closes_at = expires.or(row.lasts.map(|lasts| grant.touch.at.plus(lasts)));
                let opening = Opening { by, closes_at };
                // A written expiry is exact; one we count ourselves is as precise as the opt-in.
                let precision_ms = if expires.is_some() { 0 } else { grant.touch.precision_ms };
                match closes_at.map(|closes_at| self.side(closes_at, precision_ms)) {
                    Some(Side::After) => found.breach(expired, Some(row), Some(opening), Cause::Late),
                    Some(Side::Blurred) => found.doubt(Reason::TimePrecision, expired, Some(row), Some(opening)),
                    Some(Side::Before) | None => found.permit(row, Some(opening)),
                }
            }
            (None, Some(grant)) => {
                let mark = Mark { at: grant.touch.at, place: grant.touch.place };
                found.breach(wrong_user, Some(row), None, Cause::GrantedElsewhere(mark));
            }
            (None, None) => match self.state_without_touch(row) {
                State::Never => found.breach(unknown, Some(row), None, Cause::NeverOpened),
                _ => found.doubt(Reason::LogStartsLate, unknown, Some(row), None),
            },
        }
    }

    fn check_one_time(&self, row: &'p Permission, found: &mut Gathered<'p>) {
        if let Some(first) = self.spent().first() {
            found.breach(Rule::OtnTokenReused, Some(row), None, Cause::Spent(*first));
        }
        let (unknown, wrong_user, expired) = (Rule::OtnTokenUnknown, Rule::OtnTokenWrongUser, Rule::OtnTokenExpired);
        self.check_grant(row, unknown, wrong_user, expired, found);
    }

    /// The row for the token's frequency, or the one for tokens without.
    fn recurring_row(&self) -> Option<&'p Permission> {
        let granted = self.grants().0;
        let frequency = granted.and_then(|grant| grant.frequency).or(self.send.frequency);
        let rows = || self.policy.in_force(self.send.channel, self.day).filter(|row| row.claim == Claim::Recurring);
        let reaches = |row: &&Permission| {
            let granted_in_time = |day| granted.is_some_and(|grant| grant.touch.at < Time::start_of(day));
            row.granted_before.is_none_or(granted_in_time)
        };
        rows()
            .find(|row| frequency.is_some() && row.frequency == frequency && reaches(row))
            .or(rows().find(|row| row.frequency.is_none()))
    }

    fn check_recurring(&self, row: &'p Permission, found: &mut Gathered<'p>) {
        let unknown = Rule::RecurringTokenUnknown;
        self.check_grant(row, unknown, unknown, Rule::RecurringTokenExpired, found);
        let of_token = self.token().and_then(|token| token.stops.iter().find(|(by, _)| Some(*by) == self.index));
        let of_all = self.conversation.and_then(|conversation| conversation.stopped);
        if let Some(stop) = self.before_send(of_token.map(|(_, mark)| *mark)).or(self.before_send(of_all)) {
            found.breach(Rule::RecurringTokenStopped, Some(row), None, Cause::Stopped(stop));
        }
        let earlier = self.spent();
        self.check_pace(row, &earlier, earlier.last().copied(), found);
    }

    fn check_marketing(&self, row: &'p Permission, found: &mut Gathered<'p>) {
        let stopped = self.conversation.and_then(|conversation| conversation.stopped);
        let of_token = self.token().and_then(|token| token.stops.iter().find(|(by, _)| Some(*by) == self.index));
        if let Some(stop) = self.before_send(of_token.map(|(_, mark)| *mark)).or(self.before_send(stopped)) {
            found.breach(Rule::MarketingAfterStop, Some(row), None, Cause::Stopped(stop));
        }
        found.permit(row, None);
        let all = self.conversation.map_or(&[][..], |conversation| &conversation.marketing);
        let token = self.send.token.and_then(|text| self.tokens.index(text));
        let same = |(by, _): &&(usize, Mark)| Some(*by) == token;
        let earlier: Vec<Mark> = all.iter().filter(same).map(|(_, mark)| *mark).collect();
        // One page of Meta's counts per token, another per user: the last one by whichever token.
        self.check_pace(row, &earlier, all.last().map(|(_, mark)| *mark), found);
    }

    /// Whether the last send of the same kind lies far enough back: `earlier` are those of the same token, `any_last` is
    /// the last one that some source counts.
    fn check_pace(&self, row: &'p Permission, earlier: &[Mark], any_last: Option<Mark>, found: &mut Gathered<'p>) {
        if let (Some(ms), Some(last)) = (row.unclear_every_ms, any_last)
            && self.send.at < last.at.plus_ms(ms)
        {
            found.doubt(Reason::TermsUnclear, Rule::RecurringTooOften, Some(row), None);
        }
        let (Some(every), Some(last)) = (row.every, earlier.last()) else { return };
        // A message and what directly follows it count as one: go back to the first of the run.
        let run = earlier.iter().rev().take_while(|mark| last.at.since(mark.at) <= row.follow_ups_within_ms);
        let run = run.take(1 + row.follow_ups as usize).collect::<Vec<_>>();
        let first = run.last().map_or(*last, |mark| **mark);
        let at = self.send.at;
        if at.since(first.at) <= row.follow_ups_within_ms && run.len() <= row.follow_ups as usize {
            return;
        }
        let next = match every {
            Every::Rolling(ms) => first.at.plus_ms(ms),
            Every::Day => next_period(first.at, |day| day.checked_add_days(Days::new(1))),
            Every::Week => next_period(first.at, |day| {
                day.checked_add_days(Days::new(7 - u64::from(day.weekday().num_days_from_monday())))
            }),
            Every::Month => next_period(first.at, |day| day.with_day(1)?.checked_add_months(Months::new(1))),
        };
        if at < next {
            found.breach(Rule::RecurringTooOften, Some(row), None, Cause::TooSoon(first, next));
        }
    }
}

/// Why it is not known whether a window is open, its row, and what opened it.
type DoubtfulWindow<'p> = (Reason, &'p Permission, Option<Opening>);

/// The row of a window that is certainly shut, what had opened it, and how a send that relies on it breaks it.
type ShutWindow<'p> = (&'p Permission, Option<Opening>, Cause<'p>);

/// What is known of the one more message after the window.
enum Extra<'p> {
    /// It is still to come; the opening is that of the closed window.
    Unspent(Opening),
    Spent(Mark),
    /// An earlier send was it, or was not, for this reason; the opening is that of the closed window.
    MayBeSpent(Reason, Opening),
    /// The log begins too late to know; the row is that of the window.
    MayBeUnspent(&'p Permission),
    /// There is none.
    None,
}

/// On which side of `limit` the moment `at` lies. Half-open: the limit itself is outside. A time that is good to the
/// second lies anywhere in that second.
fn side(at: Time, precision_ms: u32, limit: Time, limit_precision_ms: u32) -> Side {
    let latest_at = at.plus_ms(i64::from(precision_ms));
    let latest_limit = limit.plus_ms(i64::from(limit_precision_ms));
    if at < limit && latest_at <= limit {
        Side::Before
    } else if latest_limit <= at {
        Side::After
    } else {
        Side::Blurred
    }
}

/// 00:00 UTC of the day that `next` finds after `at`'s.
fn next_period(at: Time, next: fn(NaiveDate) -> Option<NaiveDate>) -> Time {
    next(at.day()).map_or(Time::from_ms(i64::MAX), Time::start_of)
}
