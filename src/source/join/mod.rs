//! One send from its records: the request says who, tag and token; the response gives it an id; the echo, which has that id,
//! a time. And one person from their names.
//!
//! Nothing is guessed: a request that cannot be placed in time, and a response that could belong to several requests, are
//! reported. Which input came first never decides: what an id ties together is found wherever it stands.

mod echoes;
mod elsewhere;
mod halves;
mod names;
mod repeats;
mod sends;

use std::collections::BTreeMap;

use crate::batch::Batch;

use super::loose::{Alias, Answer, Call, Loose};
use super::{BadRecord, Options};
pub(super) use echoes::Contents;
use elsewhere::Elsewhere;
use halves::{Fate, Halves};
use names::rename;
use sends::Sends;

/// What joining found out, for the reports of the inputs.
#[derive(Debug, Default)]
pub(super) struct Joined {
    /// Sends that were put together, by input.
    pub(super) records: BTreeMap<u32, u64>,
    /// Pieces that could not be used.
    pub(super) bad: Vec<BadRecord>,
    /// Responses whose request is not known, by input.
    pub(super) unpaired: BTreeMap<u32, u64>,
    /// Calls without an answer that may be one of several echoes, by input.
    pub(super) doubted: BTreeMap<u32, u64>,
}

/// Joins the loose pieces to sends, adds them as a batch, and gives every user one name.
pub(super) fn join(
    batches: &mut Vec<Batch>,
    mut loose: Vec<Loose>,
    contents: &[Contents],
    mut aliases: Vec<Alias>,
    options: &Options,
) -> Joined {
    let mut joined = Joined::default();
    if loose.is_empty() {
        // Most logs are whole sends already, and none of their events need be looked at here.
        rename(batches, aliases);
        return joined;
    }
    loose.sort_by_key(|piece| (piece.place, piece.nth));
    let mut halves = Halves::of(loose);
    halves.pair();
    let elsewhere = Elsewhere::of(batches, &halves);
    let mut sends = Sends { elsewhere, options, aliases: Vec::new(), batch: Batch::new(options.keep_text) };
    let is_repeat = halves.repeats();
    let links = echoes::link(&halves, &is_repeat, &mut sends, batches, contents, &aliases);
    joined.doubted.clone_from(&links.doubted);
    for (asked_at, (asked, is_repeat)) in halves.asked.iter().zip(is_repeat).enumerate() {
        for (at, call) in asked.calls.iter().enumerate() {
            let Call::Send(account, request) = call else { continue };
            // The same record read twice: the send is there already, with its answer.
            let answer = links.answers.get(&(asked_at, at)).or(asked.answers.get(at));
            let outcome = if is_repeat || links.repeats.contains(&(asked_at, at)) {
                Ok(())
            } else {
                sends.of_call(asked, account.as_deref(), request, answer)
            };
            match outcome {
                Ok(()) => *joined.records.entry(asked.place.input).or_default() += 1,
                Err(reason) => joined.bad.push(BadRecord { place: asked.place, reason }),
            }
        }
    }
    for told in halves.unpaired(&links) {
        for answer in &told.answers {
            if matches!(answer, Answer::Taken { .. } | Answer::Refused { .. }) {
                *joined.unpaired.entry(told.place.input).or_default() += 1;
            }
            // A message that was taken was sent, whoever asked for it; only what it relied on is not known.
            if told.fate == Fate::Alone && sends.of_answer(told, answer) {
                *joined.records.entry(told.place.input).or_default() += 1;
            }
        }
    }
    let Sends { aliases: found, batch, .. } = sends;
    aliases.extend(found);
    if !batch.is_empty() {
        batches.push(batch);
    }
    rename(batches, aliases);
    joined
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::VecDeque;
    use std::io::Cursor;

    use super::super::input::{Blocks, Bytes, Opener};
    use super::super::{Options, Reading, read_blocks};
    use super::halves::DOUBTED_FOR;
    use crate::audit::History;
    use crate::event::Kind;

    fn read(inputs: &[&str]) -> Reading {
        let open = |text: &str| -> (String, Opener<'static>) {
            let bytes: Bytes = Box::new(Cursor::new(text.to_owned()));
            ("log".to_owned(), Box::new(move || Ok(bytes)))
        };
        let waiting: VecDeque<(String, Opener<'static>)> = inputs.iter().map(|text| open(text)).collect();
        let options = Options::default();
        read_blocks(Blocks::of(waiting, &options, 4 << 20), &options, &|_| ()).unwrap()
    }

    /// The sends of a history, and how many records were bad and answers unpaired.
    fn sends(inputs: &[&str]) -> String {
        let reading = read(inputs);
        let unpaired = reading.inputs.iter().flat_map(|input| &input.notes).filter(|note| note.contains("response"));
        let mut lines = vec![format!("{} bad, {} notes", reading.bad.count, unpaired.count())];
        let history = History::new(reading.batches);
        for event in (0..history.len()).map(|at| history.event(at)).filter(|event| event.kind == Kind::Send) {
            let claim = event.tag.or(event.token).or(event.messaging_type.map(|word| word.word()));
            let claim = if event.claim_hidden { "?" } else { claim.unwrap_or("-") };
            let hidden = if event.recipient_hidden { "(hidden)" } else { "" };
            let fate = event.delivered().map_or("unknown", |sent| if sent { "sent" } else { "failed" });
            let second = event.at.ms() / 1_000 % 60;
            lines.push(format!(
                "{}/{}{hidden} {} {claim} {fate} :{second:02}",
                event.account,
                event.user,
                event.id.unwrap_or("-")
            ));
        }
        lines.join("; ")
    }

    const ECHO_1: &str = r#"{"object":"page","entry":[{"id":"111","messaging":[{"sender":{"id":"111"},"recipient":{"id":"42"},"timestamp":1709287201000,"message":{"is_echo":true,"mid":"m_1","text":"x"}}]}]}"#;
    const WROTE: &str = r#"{"object":"page","entry":[{"id":"111","messaging":[{"sender":{"id":"42"},"recipient":{"id":"111"},"timestamp":1709287200000,"message":{"mid":"m_0","text":"x"}}]}]}"#;
    const WROTE_TO_ANOTHER: &str = r#"{"object":"page","entry":[{"id":"222","messaging":[{"sender":{"id":"52"},"recipient":{"id":"222"},"timestamp":1709287200000,"message":{"mid":"m_9","text":"x"}}]}]}"#;
    const REQUEST_1: &str =
        r#"{"recipient":{"id":"42"},"message":{"text":"x"},"messaging_type":"MESSAGE_TAG","tag":"HUMAN_AGENT"}"#;
    const RESPONSE_1: &str = r#"{"recipient_id":"42","message_id":"m_1"}"#;
    const TIMED_REQUEST_1: &str = r#"{"ts":"2024-03-01T10:00:05Z","request":{"recipient":{"id":"42"},"message":{"text":"x"},"tag":"HUMAN_AGENT"}}"#;
    const TIMED_RESPONSE_1: &str =
        r#"{"ts":"2024-03-01T10:00:06Z","response":{"recipient_id":"42","message_id":"m_1"}}"#;

    fn timed(second: u32, correlation: &str, key: &str, body: &str) -> String {
        let correlation =
            if correlation.is_empty() { String::new() } else { format!(r#","correlation_id":"{correlation}""#) };
        format!(r#"{{"ts":"2024-03-01T10:00:{second:02}Z"{correlation},"{key}":{body}}}"#)
    }

    fn request(second: u32, correlation: &str, user: &str, claim: &str) -> String {
        timed(
            second,
            correlation,
            "request",
            &format!(r#"{{"recipient":{{"id":"{user}"}},"message":{{"text":"x"}}{claim}}}"#),
        )
    }

    const TAG: &str = r#","tag":"HUMAN_AGENT""#;
    const REFUSED: &str = r#"{"error":{"message":"x","code":10,"error_subcode":2018278}}"#;

    #[test]
    fn halves_find_each_other_or_are_reported() {
        let lines = |lines: &[&str]| lines.join("\n");
        let taken = |second, name: &str, user: &str, id: &str| {
            timed(second, name, "response", &format!(r#"{{"recipient_id":"{user}","message_id":"{id}"}}"#))
        };
        let refused = |second, name: &str| timed(second, name, "response", REFUSED);
        let cases: Vec<(&str, String, &str)> = vec![
            (
                "the echo gives the time, the request the claim",
                lines(&[WROTE, REQUEST_1, RESPONSE_1, ECHO_1]),
                "0 bad, 0 notes; 111/42 m_1 HUMAN_AGENT sent :01",
            ),
            (
                "without an echo the logger's time must do",
                lines(&[WROTE, TIMED_REQUEST_1, TIMED_RESPONSE_1]),
                "0 bad, 0 notes; 111/42 m_1 HUMAN_AGENT sent :05",
            ),
            ("no time at all", lines(&[WROTE, REQUEST_1, RESPONSE_1]), "1 bad, 0 notes"),
            ("no time and no answer", lines(&[WROTE, REQUEST_1]), "1 bad, 0 notes"),
            (
                "interleaved calls are told apart by their recipients",
                lines(&[
                    &request(1, "", "1", TAG),
                    &request(2, "", "2", ""),
                    &taken(3, "", "1", "a"),
                    &taken(4, "", "2", "b"),
                ]),
                "0 bad, 0 notes; /1 a HUMAN_AGENT sent :01; /2 b - sent :02",
            ),
            (
                "an error that could be of two requests is of none",
                lines(&[&request(1, "", "1", TAG), &request(2, "", "2", ""), &refused(3, "")]),
                "0 bad, 1 notes; /1 - HUMAN_AGENT unknown :01; /2 - - unknown :02",
            ),
            (
                "the logger's id says which",
                lines(&[
                    &request(1, "A", "1", TAG),
                    &request(2, "B", "2", ""),
                    &refused(3, "A"),
                    &taken(4, "B", "2", "b"),
                ]),
                "0 bad, 0 notes; /1 - HUMAN_AGENT failed :01; /2 b - sent :02",
            ),
            (
                "a trace may be about several calls",
                lines(&[
                    &request(1, "T", "1", TAG),
                    &taken(2, "T", "1", "a"),
                    &request(3, "T", "1", ""),
                    &refused(4, "T"),
                ]),
                "0 bad, 0 notes; /1 a HUMAN_AGENT sent :01; /1 - - failed :03",
            ),
            (
                "an answer that is repeated takes no other request",
                lines(&[
                    &request(1, "T", "1", TAG),
                    &taken(2, "T", "1", "a"),
                    &request(3, "", "1", ""),
                    &taken(4, "", "1", "a"),
                ]),
                "0 bad, 0 notes; /1 a HUMAN_AGENT sent :01; /1 - - unknown :03",
            ),
            (
                "a name that is given out again is that of the latest call",
                lines(&[
                    &request(1, "1", "1", TAG).replace("T10:00", "T09:54"),
                    &request(2, "1", "1", ""),
                    &refused(3, "1"),
                ]),
                "0 bad, 0 notes; /1 - HUMAN_AGENT unknown :01; /1 - - failed :02",
            ),
            (
                "unless the two are close",
                lines(&[
                    &request(1, "1", "1", TAG).replace("T10:00", "T09:56"),
                    &request(2, "1", "1", ""),
                    &refused(3, "1"),
                ]),
                "0 bad, 1 notes; /1 - HUMAN_AGENT unknown :01; /1 - - unknown :02",
            ),
            (
                "no answer is before its request, whatever they are called",
                lines(&[&refused(1, "A"), &request(7, "A", "1", "")]),
                "0 bad, 1 notes; /1 - - unknown :07",
            ),
            (
                "wherever it stands",
                lines(&[&request(7, "A", "1", ""), &refused(1, "A")]),
                "0 bad, 1 notes; /1 - - unknown :07",
            ),
            (
                "but the lines of a log may stand in another order",
                lines(&[&refused(3, "A"), &request(7, "A", "1", "")]),
                "0 bad, 0 notes; /1 - - failed :07",
            ),
            (
                "two answers for one user whose claims differ are not dealt out",
                lines(&[&request(1, "", "1", TAG), &request(2, "", "1", ""), &taken(3, "", "1", "a")]),
                "0 bad, 1 notes; /1 - HUMAN_AGENT unknown :01; /1 - - unknown :02",
            ),
            (
                "where they do not differ it makes no difference",
                lines(&[
                    &request(1, "", "1", TAG),
                    &request(2, "", "1", TAG),
                    &taken(3, "", "1", "a"),
                    &taken(4, "", "1", "b"),
                ]),
                "0 bad, 0 notes; /1 a HUMAN_AGENT sent :01; /1 b HUMAN_AGENT sent :02",
            ),
            (
                "the answer to typing is not that of the send",
                lines(&[
                    &timed(1, "", "request", r#"{"recipient":{"id":"1"},"sender_action":"typing_on"}"#),
                    &timed(1, "", "response", r#"{"recipient_id":"1"}"#),
                    &request(2, "", "1", ""),
                    &refused(3, ""),
                ]),
                "0 bad, 0 notes; /1 - - failed :02",
            ),
            (
                "an error next to typing and a send is of neither",
                lines(&[
                    &timed(1, "", "request", r#"{"recipient":{"id":"1"},"sender_action":"typing_on"}"#),
                    &request(2, "", "1", ""),
                    &refused(3, ""),
                ]),
                "0 bad, 1 notes; /1 - - unknown :02",
            ),
            (
                "an answer without its request shows a send, not its claim",
                taken(3, "", "1", "a"),
                "0 bad, 1 notes; /1 a ? sent :03",
            ),
            (
                "the account is where the user is known",
                lines(&[
                    WROTE,
                    WROTE_TO_ANOTHER,
                    &request(1, "", "52", ""),
                    &request(2, "", "42", ""),
                    &request(3, "", "62", ""),
                ]),
                "0 bad, 0 notes; 222/52 - - unknown :01; 111/42 - - unknown :02; /62 - - unknown :03",
            ),
            (
                "a logger's own number for a customer is no account",
                lines(&[
                    WROTE,
                    WROTE_TO_ANOTHER,
                    &request(1, "", "42", "").replacen("\"ts\"", "\"account_id\":7,\"ts\"", 1),
                ]),
                "0 bad, 0 notes; 111/42 - - unknown :01",
            ),
            (
                "a record that stands twice is one send",
                lines(&[
                    &request(1, "", "1", TAG),
                    &request(1, "", "1", TAG),
                    &taken(3, "", "1", "a"),
                    &taken(3, "", "1", "a"),
                ]),
                "0 bad, 0 notes; /1 a HUMAN_AGENT sent :01",
            ),
            (
                "a request that stands twice is one send",
                lines(&[&request(1, "", "1", TAG), &taken(3, "", "1", "a"), &request(1, "", "1", TAG)]),
                "0 bad, 0 notes; /1 a HUMAN_AGENT sent :01",
            ),
        ];
        for (name, log, expected) in cases {
            assert_eq!(sends(&[&log]), expected, "{name}");
            // The same log twice, under two names, shows nothing new; what was bad is bad twice.
            let twice = sends(&[&log, &log]);
            let tail = |text: &str| text.split_once("; ").map(|(_, tail)| tail.to_owned());
            assert_eq!(tail(&twice), tail(expected), "{name}, read twice");
        }
    }

    #[test]
    fn a_lost_answer_does_not_put_the_whole_log_in_doubt() {
        let mut lines = vec![request(0, "", "9", TAG)];
        for call in 0..40 {
            lines.push(request(1, "", &format!("{call}"), ""));
            lines.push(timed(1, "", "response", REFUSED));
        }
        let found = sends(&[&lines.join("\n")]);
        let failed = found.matches("failed").count();
        assert_eq!(failed, 40 - 1 - DOUBTED_FOR as usize, "{found}");
        assert!(found.contains("/9 - HUMAN_AGENT unknown"), "{found}");
    }

    #[test]
    fn which_input_comes_first_does_not_matter() {
        let requests = [request(1, "A", "1", TAG), request(2, "B", "2", "")].join("\n");
        let taken = timed(4, "B", "response", r#"{"recipient_id":"2","message_id":"b"}"#);
        let responses = [timed(3, "A", "response", REFUSED), taken].join("\n");
        let expected = "0 bad, 0 notes; /1 - HUMAN_AGENT failed :01; /2 b - sent :02";
        assert_eq!(sends(&[&requests, &responses]), expected);
        assert_eq!(sends(&[&responses, &requests]), expected);
        assert_eq!(sends(&[&responses, &requests, &requests, &responses]), expected);
        let calls = [REQUEST_1, RESPONSE_1].join("\n");
        let expected = "0 bad, 0 notes; 111/42 m_1 HUMAN_AGENT sent :01";
        assert_eq!(sends(&[&calls, ECHO_1]), expected);
        assert_eq!(sends(&[ECHO_1, &calls]), expected);
        assert_eq!(sends(&[&calls, ECHO_1, &calls]), expected);
    }

    #[test]
    fn one_person_has_one_name() {
        let granted = r#"{"object":"page","entry":[{"id":"111","messaging":[{"sender":{"id":"42"},"recipient":{"id":"111"},"timestamp":1709287200000,"optin":{"type":"one_time_notif_req","one_time_notif_token":"OTN"}}]}]}"#;
        let to = |second, recipient: &str| {
            timed(second, "", "request", &format!(r#"{{"recipient":{recipient},"message":{{"text":"x"}}}}"#))
        };
        let checkbox = r#"{"object":"page","entry":[{"id":"111","messaging":[{"sender":{"id":"42"},"recipient":{"id":"111"},"timestamp":1709287209000,"message":{"mid":"m_8","text":"x"},"prior_message":{"source":"checkbox_plugin","identifier":"ref"}}]}]}"#;
        let answered = timed(2, "", "response", r#"{"recipient_id":"42","message_id":"m_7"}"#);
        for (name, log, expected) in [
            (
                "a token is its grantee's",
                vec![granted.to_owned(), to(1, r#"{"one_time_notif_token":"OTN"}"#)],
                "0 bad, 0 notes; 111/42 - OTN unknown :01",
            ),
            (
                "a token that nobody was seen to grant is nobody's",
                vec![to(1, r#"{"one_time_notif_token":"OTN"}"#)],
                "0 bad, 0 notes; /(hidden) - OTN unknown :01",
            ),
            (
                "a reference is resolved by a later message",
                vec![checkbox.to_owned(), to(1, r#"{"user_ref":"ref"}"#)],
                "0 bad, 0 notes; 111/42 - - unknown :01",
            ),
            (
                "a telephone number by the response, for all sends to it",
                vec![
                    WROTE.to_owned(),
                    to(1, r#"{"phone_number":"+1(555)"}"#),
                    answered.clone(),
                    to(3, r#"{"phone_number":"+1(555)"}"#),
                ],
                "0 bad, 0 notes; 111/42 m_7 - sent :01; 111/42 - - unknown :03",
            ),
            (
                "a comment by the response, for this one send",
                vec![WROTE.to_owned(), to(1, r#"{"comment_id":"c"}"#), answered, to(3, r#"{"comment_id":"c"}"#)],
                "0 bad, 0 notes; 111/42 m_7 - sent :01; 111/ - - unknown :03",
            ),
            (
                "an unknown reference stays one",
                vec![to(1, r#"{"user_ref":"r"}"#)],
                "0 bad, 0 notes; /r(hidden) - - unknown :01",
            ),
        ] {
            assert_eq!(sends(&[&log.join("\n")]), expected, "{name}");
            let apart: Vec<&str> = log.iter().map(String::as_str).rev().collect();
            if log.len() == 2 {
                assert_eq!(sends(&apart), expected, "{name}, in two inputs");
            }
        }
    }
}
