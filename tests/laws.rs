//! Laws of the replay core that hold for every history: proptest looks for one that breaks them.
// Tests may say what must hold.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::HashMap;
use std::sync::LazyLock;

use fbwin::event::{Category, Channel, Entry, Event, Frequency, Kind, MessagingType, Sender, Status, TokenType};
use fbwin::policy::BUILT_IN;
use fbwin::time::{DAY_MS, HOUR_MS, Time};
use fbwin::{Policy, Replay, ReplayOptions, Verdict};
use proptest::prelude::*;
use proptest::sample::{Index, select};

static POLICY: LazyLock<Policy> = LazyLock::new(Policy::built_in);

/// The same table with shorter windows: what it allows, the built-in one must allow.
static SHORTER: LazyLock<Policy> = LazyLock::new(|| {
    let text = BUILT_IN.replace("lasts = \"24h\"", "lasts = \"12h\"").replace("lasts = \"7d\"", "lasts = \"5d\"");
    assert_ne!(text, BUILT_IN);
    Policy::parse(&text).unwrap()
});

/// An event that owns its texts, so that histories can be made, changed and shown.
#[derive(Clone, Debug)]
struct Made {
    at_ms: i64,
    precision_ms: u32,
    channel: Channel,
    account: String,
    user: String,
    kind: Kind,
    messaging_type: Option<MessagingType>,
    tag: Option<&'static str>,
    token: Option<String>,
    token_type: Option<TokenType>,
    frequency: Option<Frequency>,
    comment: Option<String>,
    template: Option<&'static str>,
    category: Option<Category>,
    sender: Option<Sender>,
    promotional: Option<bool>,
    status: Option<Status>,
    entry: Option<Entry>,
    region: Option<&'static str>,
    sponsored: bool,
    hidden: bool,
}

impl Made {
    fn event(&self) -> Event<'_> {
        Event {
            at: Time::from_ms(self.at_ms),
            precision_ms: self.precision_ms,
            channel: self.channel,
            account: &self.account,
            user: &self.user,
            kind: self.kind,
            messaging_type: self.messaging_type,
            tag: self.tag,
            token: self.token.as_deref(),
            token_type: self.token_type,
            frequency: self.frequency,
            comment: self.comment.as_deref(),
            template: self.template,
            category: self.category,
            sender: self.sender,
            promotional: self.promotional,
            status: self.status,
            entry: self.entry,
            region: self.region,
            sponsored: self.sponsored,
            claim_hidden: self.hidden,
            ..Event::default()
        }
    }

    fn conversation(&self) -> (Channel, &str, &str) {
        (self.channel, &self.account, &self.user)
    }
}

/// A verdict short enough to read where a law fails.
fn brief(verdict: &Verdict<'_>) -> String {
    match verdict {
        Verdict::Allowed(permit) => format!("allowed {:?}", permit.permission.map(|row| &row.id)),
        Verdict::Violation(_) => format!("{:?}", verdict.rules().collect::<Vec<_>>()),
        Verdict::Unproven(doubt) => format!("unproven {} {}", doubt.reason, doubt.rule),
    }
}

fn replay<'p>(policy: &'p Policy, options: &ReplayOptions, events: &[Made]) -> Vec<Option<Verdict<'p>>> {
    let mut replay = Replay::new(policy, options.clone());
    events.iter().map(|made| replay.step(&made.event())).collect()
}

/// As the audit orders them: by time, and at equal times the user's moves first.
fn in_order(mut events: Vec<Made>) -> Vec<Made> {
    events.sort_by_key(|made| (made.at_ms, made.kind >= Kind::Send));
    events
}

/// Noon of a day in each era of the table: each change of terms lies within a few steps of one of these.
const ERAS: &[i64] = &[
    1_469_966_400_000, // 2016-07-31
    1_479_038_400_000, // 2016-11-13
    1_525_608_000_000, // 2018-05-06
    1_556_712_000_000, // 2019-05-01
    1_567_080_000_000, // 2019-08-29
    1_583_236_800_000, // 2020-03-03
    1_653_134_400_000, // 2022-05-21
    1_675_080_000_000, // 2023-01-30
    1_691_582_400_000, // 2023-08-09
    1_709_208_000_000, // 2024-02-29
    1_756_641_600_000, // 2025-08-31
    1_770_638_400_000, // 2026-02-09
    1_777_204_800_000, // 2026-04-26
    1_790_596_800_000, // 2026-09-28
];

/// How much later the next event happens: nothing, a little, or as long as some limit, give or take a millisecond.
fn gap() -> impl Strategy<Value = i64> {
    let limit = select(vec![0, 1_000, 120_000, 12 * HOUR_MS, DAY_MS, 2 * DAY_MS, 5 * DAY_MS, 7 * DAY_MS, 365 * DAY_MS]);
    prop_oneof![
        2 => Just(0),
        3 => 0..HOUR_MS,
        3 => 0..2 * DAY_MS,
        6 => (limit, -1_i64..=1).prop_map(|(limit, off)| (limit + off).max(0)),
    ]
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![9 => Just(Kind::Send), 3 => Just(Kind::Message), 7 => select(Kind::ALL)]
}

prop_compose! {
    /// One event; `at_ms` is its distance from the one before.
    fn made()(
        at_ms in gap(),
        precision_ms in prop_oneof![4 => Just(0), 1 => select(vec![1_000, 60_000])],
        channel in prop_oneof![3 => Just(Channel::Messenger), 1 => Just(Channel::Instagram), 1 => Just(Channel::Whatsapp)],
        account in select(vec!["shop", "cafe"]),
        user in select(vec!["ana", "bob", "eva"]),
        (kind, claim, which) in (kind(), 0..14_u8, 0..3_u8),
        tag in select(vec!["HUMAN_AGENT", "ACCOUNT_UPDATE", "SHIPPING_UPDATE", "CUSTOMER_FEEDBACK",
            "NON_PROMOTIONAL_SUBSCRIPTION", "HAPPY_BIRTHDAY"]),
        template in select(vec!["one_time_notif_req", "notification_messages", "customer_feedback", "order_sent", "generic"]),
        token_type in proptest::option::of(select(TokenType::ALL)),
        frequency in proptest::option::of(select(Frequency::ALL)),
        category in proptest::option::of(select(Category::ALL)),
        sender in proptest::option::of(select(Sender::ALL)),
        promotional in prop_oneof![4 => Just(None), 1 => any::<bool>().prop_map(Some)],
        status in prop_oneof![4 => Just(None), 1 => select(Status::ALL).prop_map(Some)],
        (entry, region) in (
            prop_oneof![3 => Just(None), 1 => select(Entry::ALL).prop_map(Some)],
            prop_oneof![6 => Just(None), 1 => select(vec!["US", "DE", "BR", "GB"]).prop_map(Some)],
        ),
        messaging_type in prop_oneof![2 => Just(None), 1 => select(MessagingType::ALL).prop_map(Some)],
    ) -> Made {
        let send = kind == Kind::Send;
        let opts_in = matches!(kind, Kind::OtnOptin | Kind::RecurringOptin | Kind::RecurringStop | Kind::RecurringResume);
        Made {
            at_ms,
            precision_ms,
            channel,
            account: account.to_owned(),
            user: user.to_owned(),
            kind,
            messaging_type: messaging_type.filter(|_| send && claim < 9),
            tag: (send && (claim == 1 || claim == 2)).then_some(tag),
            token: (opts_in && claim < 12 || send && (claim == 3 || claim == 4)).then(|| format!("token-{user}-{which}")),
            token_type,
            frequency,
            comment: (kind == Kind::Comment || send && claim == 5).then(|| format!("comment-{user}-{which}")),
            template: (send && (claim == 6 || claim == 7)).then_some(template),
            category: category.filter(|_| claim % 3 == 0),
            sender,
            promotional,
            status,
            entry,
            region,
            sponsored: claim == 8,
            hidden: send && claim == 13,
        }
    }
}

/// A history in order of time, around the changes of one era.
fn history() -> impl Strategy<Value = Vec<Made>> {
    (select(ERAS), proptest::collection::vec(made(), 1..24)).prop_map(|(from, mut events)| {
        let mut at_ms = from;
        for made in &mut events {
            at_ms += made.at_ms;
            made.at_ms = at_ms;
        }
        in_order(events)
    })
}

fn options() -> impl Strategy<Value = ReplayOptions> {
    (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(complete, untagged, require_optin, approved)| {
            let mut approvals = HashMap::new();
            if approved {
                for kind in ["subscription", "news", "direct-utility"] {
                    approvals.insert(kind.to_owned(), vec!["shop".to_owned()]);
                }
            }
            ReplayOptions { complete, untagged, require_optin, approvals, ..ReplayOptions::default() }
        },
    )
}

proptest! {
    // PROPTEST_CASES=20000 looks longer.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn renaming_users_accounts_and_tokens_changes_no_verdict(events in history(), options in options()) {
        let mut renamed = events.clone();
        for made in &mut renamed {
            made.account = format!("another {}", made.account);
            made.user = format!("another {}", made.user);
            made.token = made.token.take().map(|token| format!("another {token}"));
            made.comment = made.comment.take().map(|comment| format!("another {comment}"));
        }
        let mut renaming = options.clone();
        for account in renaming.approvals.values_mut().flatten() {
            *account = format!("another {account}");
        }
        let (before, after) = (replay(&POLICY, &options, &events), replay(&POLICY, &renaming, &renamed));
        for (before, after) in before.into_iter().zip(after) {
            prop_assert!(before == after, "{:?} became {:?}", before.as_ref().map(brief), after.as_ref().map(brief));
        }
    }

    #[test]
    fn one_more_message_of_the_user_never_turns_allowed_into_violation(
        events in history(),
        options in options(),
        of in any::<Index>(),
        at in any::<Index>(),
    ) {
        // One of the users writes once more, at the moment of some event and before what happens then.
        let (of, at_ms) = (of.get(&events), at.get(&events).at_ms);
        let message = Made { at_ms, precision_ms: 0, kind: Kind::Message, entry: None, region: None, ..of.clone() };
        let place = events.partition_point(|made| made.at_ms < at_ms);
        let mut more = events.clone();
        more.insert(place, message);
        let before = replay(&POLICY, &options, &events);
        let mut after = replay(&POLICY, &options, &more);
        after.remove(place);
        for (before, after) in before.iter().flatten().zip(after.iter().flatten()) {
            let turned = matches!((before, after), (Verdict::Allowed(_), Verdict::Violation(_)));
            prop_assert!(!turned, "{} became {}", brief(before), brief(after));
        }
    }

    #[test]
    fn shorter_windows_never_allow_more(events in history(), options in options()) {
        let (built_in, shorter) = (replay(&POLICY, &options, &events), replay(&SHORTER, &options, &events));
        for (built_in, shorter) in built_in.iter().flatten().zip(shorter.iter().flatten()) {
            let more = matches!(shorter, Verdict::Allowed(_)) && !matches!(built_in, Verdict::Allowed(_));
            prop_assert!(!more, "{} became {}", brief(built_in), brief(shorter));
        }
    }

    #[test]
    fn what_can_send_answers_step_judges_and_asking_changes_nothing(
        events in history(),
        options in options(),
        questions in proptest::collection::vec(made(), 24),
    ) {
        let mut asked = Replay::new(&POLICY, options.clone());
        let mut unasked = Replay::new(&POLICY, options);
        for (made, question) in events.iter().zip(questions) {
            // Somebody asks about any other send at that moment.
            let question = Made { at_ms: made.at_ms, kind: Kind::Send, ..question };
            let first = asked.can_send(&question.event());
            let _ = asked.lawful(&question.event());
            prop_assert_eq!(&first, &asked.can_send(&question.event()));
            let answer = (made.kind == Kind::Send).then(|| asked.can_send(&made.event()));
            let judged = asked.step(&made.event());
            prop_assert_eq!(&answer, &judged);
            prop_assert_eq!(judged, unasked.step(&made.event()));
        }
    }

    #[test]
    fn each_conversation_alone_gets_the_verdicts_it_gets_among_others(events in history(), options in options()) {
        // What the log says of its own beginning is the account's, so all are told the same. So is whether it shows
        // comments at all, which is asked only where the log may lack some.
        let log_begins = events.first().map(|made| Time::from_ms(made.at_ms));
        let mut events: Vec<Made> = events.into_iter().filter(|made| options.complete || made.comment.is_none()).collect();
        // A token or comment under a second conversation would join the two.
        for made in &mut events {
            let owner = format!("{}/{}/{}", made.channel, made.account, made.user);
            made.token = made.token.take().map(|token| format!("{owner} {token}"));
            made.comment = made.comment.take().map(|comment| format!("{owner} {comment}"));
        }
        let options = ReplayOptions { log_begins, ..options };
        let together = replay(&POLICY, &options, &events);
        let mut conversations: Vec<_> = events.iter().map(Made::conversation).collect();
        conversations.sort_unstable();
        conversations.dedup();
        for conversation in conversations {
            let mine = |made: &Made| made.conversation() == conversation;
            let alone: Vec<Made> = events.iter().filter(|made| mine(made)).cloned().collect();
            let among = events.iter().zip(&together).filter(|(made, _)| mine(made)).map(|(_, verdict)| verdict);
            for (alone, among) in replay(&POLICY, &options, &alone).into_iter().zip(among.cloned()) {
                prop_assert!(alone == among, "{:?}, among others {:?}", alone.as_ref().map(brief), among.as_ref().map(brief));
            }
        }
    }

    #[test]
    fn no_event_makes_the_core_panic(
        events in proptest::collection::vec((made(), any::<i64>(), 0..6_u8), 1..16),
        options in options(),
        as_of in proptest::option::of(any::<i64>()),
    ) {
        let as_of = as_of.map(|ms| Time::from_ms(ms).day());
        let mut replay = Replay::new(&POLICY, ReplayOptions { as_of, ..options });
        for (made, at_ms, which) in events {
            // Neither in order nor within reason: the years 0 and 9999 and all between.
            let at_ms = match which {
                0 => i64::MIN,
                1 => i64::MAX,
                2 => ERAS[0],
                3 => at_ms % 253_402_300_799_999,
                _ => at_ms,
            };
            let made = Made { at_ms, ..made };
            let expires = Event { token_expires: Some(Time::from_ms(at_ms)), precision_ms: u32::MAX, ..made.event() };
            let _ = replay.lawful(&expires);
            let _ = replay.step(&expires);
            let _ = replay.step(&made.event());
        }
    }
}
