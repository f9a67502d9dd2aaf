//! The laws of a policy file: what a compiler would give a table in code, this must give a table in a file.

use std::collections::BTreeMap;

use crate::event::tag_word;
use crate::policy::read::Places;
use crate::policy::{Claim, MOST_FOLLOW_UPS, Opener, Permission, Policy, PolicyError};
use crate::time::Time;

/// Checks every law; the first one broken is the error.
pub(super) fn check(policy: &Policy, places: &Places) -> Result<(), PolicyError> {
    if policy.permissions.is_empty() {
        return Err(PolicyError { line: 1, reason: "there is no [[permission]]: nothing could be judged".into() });
    }
    for (row, line) in policy.permissions.iter().zip(&places.permissions) {
        row_alone(policy, row)
            .map_err(|reason| PolicyError { line: *line, reason: format!("`{}`: {reason}", row.id) })?;
    }
    for (row, line) in policy.exclusions.iter().zip(&places.exclusions) {
        let wrong = |reason: String| PolicyError { line: *line, reason: format!("`{}`: {reason}", row.id) };
        if row.until.is_some_and(|until| until <= row.from) {
            return Err(wrong("`until` must come after `from`".into()));
        }
        cites(&row.source).map_err(wrong)?;
        regions_known(policy, &row.regions).map_err(wrong)?;
        if row.regions.is_empty() {
            return Err(wrong("an exclusion needs `regions`".into()));
        }
    }
    versions_follow(policy, places)?;
    one_row_covers(policy, places)
}

/// What can be seen on a row without the others.
fn row_alone(policy: &Policy, row: &Permission) -> Result<(), String> {
    if row.until.is_some_and(|until| until <= row.from) {
        return Err("`until` must come after `from`".into());
    }
    let kebab = |id: &str| id.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-');
    if !row.id.starts_with(&format!("{}-", row.channel)) || !kebab(&row.id) {
        return Err(format!("`id` must begin with `{}-` and use lower case and hyphens only", row.channel));
    }
    cites(&row.source)?;
    match (row.claim, &row.tag) {
        (Claim::Tag, None) => return Err("claim tag needs a `tag`".into()),
        (Claim::Tag, Some(tag)) => {
            let expected = format!("{}-tag-{}", row.channel, tag.to_lowercase().replace('_', "-"));
            if row.id != expected {
                return Err(format!("`tag` and `id` disagree: the id of tag {tag} would be `{expected}`"));
            }
        }
        (Claim::Subscription | Claim::Feedback, _) | (_, None) => {}
        (claim, Some(_)) => return Err(format!("claim {claim} takes no `tag`")),
    }
    if row.tag.as_ref().is_some_and(|tag| *tag != tag_word(tag) || tag.is_empty()) {
        return Err("`tag` must be in upper snake case, as HUMAN_AGENT".into());
    }
    match &row.extra_after {
        Some(first) => {
            let known =
                |other: &Permission| other.id == *first && other.channel == row.channel && other.lasts.is_some();
            if !policy.permissions.iter().any(known) {
                return Err(format!("`extra_after` names `{first}`, which is no row of this channel that ever closes"));
            }
            if row.uses != Some(1) || !row.opened_by.is_empty() {
                return Err(
                    "a row with `extra_after` is one more message: it needs `uses = 1` and no `opened_by`".into()
                );
            }
        }
        None if row.opened_by.is_empty() => return Err("`opened_by` is missing: name the moves that open it".into()),
        None => {}
    }
    let grants: &[Opener] = match row.claim {
        Claim::OneTime => &[Opener::OtnOptin],
        Claim::Recurring => &[Opener::RecurringOptin],
        Claim::PrivateReply => &[Opener::Comment],
        _ => &[],
    };
    if !grants.is_empty() && row.opened_by != grants {
        return Err(format!("claim {} is opened by `{}` alone", row.claim, grants[0]));
    }
    let epoch = Time::default();
    let length_ms = |span| epoch.plus(span).since(epoch);
    if row.lasts.is_some_and(|lasts| length_ms(lasts) <= 0) {
        return Err("`lasts` must be longer than nothing".into());
    }
    match (row.unclear_after, row.lasts) {
        (Some(unclear), Some(lasts)) if length_ms(unclear) < length_ms(lasts) => {}
        (Some(_), _) => return Err("`unclear_after` must be shorter than `lasts`".into()),
        (None, _) => {}
    }
    if (row.follow_ups == 0) != (row.follow_ups_within_ms == 0) {
        return Err("`follow_ups` and `follow_ups_within` go together".into());
    }
    if MOST_FOLLOW_UPS < row.follow_ups {
        return Err(format!("`follow_ups` can be at most {MOST_FOLLOW_UPS}"));
    }
    let timed = row.every.is_some() || row.unclear_every_ms.is_some() || row.frequency.is_some() || row.follow_ups != 0;
    if timed && !matches!(row.claim, Claim::Recurring | Claim::Marketing) {
        return Err("`every`, `frequency` and `follow_ups` are for claims recurring and marketing".into());
    }
    if row.granted_before.is_some() && row.frequency.is_none() {
        return Err("`granted_before` needs a `frequency`: other tokens must find their terms in a row without".into());
    }
    let single = matches!(row.claim, Claim::OneTime | Claim::PrivateReply);
    if single && row.uses.is_none() {
        return Err(format!("claim {} needs `uses = 1`: a token or a comment is good for one message", row.claim));
    }
    if row.human && row.claim != Claim::Tag {
        return Err("`human` is for claim tag".into());
    }
    if row.approval.is_some() && !matches!(row.claim, Claim::Subscription | Claim::DirectUtility) {
        return Err("`approval` is for claims subscription and direct-utility".into());
    }
    if !row.only_in.is_empty() && !matches!(row.claim, Claim::Recurring | Claim::RecurringRequest) {
        return Err("`only_in` is for claims recurring and recurring-request; write an [[exclusion]] for others".into());
    }
    if row.unmarked && (row.claim != Claim::Response || row.opened_by != [Opener::Any]) {
        return Err("`unmarked` is for claim response with `opened_by = [\"any\"]`".into());
    }
    if !row.promotion && row.claim == Claim::Response && !row.unmarked {
        return Err("claim response cannot forbid promotion: only what a send claims can".into());
    }
    if row.claim == Claim::Response && !row.unmarked && row.extra_after.is_none() && row.lasts.is_none() {
        return Err("claim response needs `lasts`".into());
    }
    if row.claim == Claim::Template && (row.opened_by != [Opener::Optin] || row.lasts.is_some()) {
        return Err("claim template is opened by `optin` and has no `lasts`".into());
    }
    if row.uses.is_some() && !matches!(row.claim, Claim::OneTime | Claim::PrivateReply) && row.extra_after.is_none() {
        return Err("`uses` is for tokens, private replies and rows with `extra_after`".into());
    }
    if row.uses.is_some_and(|uses| uses != 1) {
        return Err("`uses` can only be 1: Meta has no permission with another number".into());
    }
    regions_known(policy, &row.only_in)
}

fn cites(source: &str) -> Result<(), String> {
    if source.starts_with("https://") { Ok(()) } else { Err("`source` must be an https link".into()) }
}

fn regions_known(policy: &Policy, regions: &[String]) -> Result<(), String> {
    let known = |name: &String| {
        name.len() == 2 && name.bytes().all(|c| c.is_ascii_uppercase()) || policy.regions.iter().any(|(g, _)| g == name)
    };
    match regions.iter().find(|name| !known(name)) {
        Some(name) => Err(format!("`{name}` is neither an ISO 3166 country nor listed under [regions]")),
        None => Ok(()),
    }
}

/// Versions of one id are of one channel and claim, do not overlap (for one frequency) and join without a gap.
fn versions_follow(policy: &Policy, places: &Places) -> Result<(), PolicyError> {
    let mut by_id: BTreeMap<&str, Vec<(&Permission, usize)>> = BTreeMap::new();
    for (row, line) in policy.permissions.iter().zip(&places.permissions) {
        by_id.entry(&row.id).or_default().push((row, *line));
    }
    for versions in by_id.values_mut() {
        versions.sort_by_key(|(row, _)| row.from);
        let mut in_force_until = versions.first().map(|(row, _)| row.from);
        for (at, (row, line)) in versions.iter().enumerate() {
            let wrong = |reason: String| PolicyError { line: *line, reason: format!("`{}`: {reason}", row.id) };
            for (earlier, earlier_line) in versions.iter().take(at) {
                if (earlier.claim, &earlier.tag) != (row.claim, &row.tag) {
                    return Err(wrong(format!("it covers another claim than its version on line {earlier_line}")));
                }
                if earlier.frequency == row.frequency && earlier.until.is_none_or(|until| row.from < until) {
                    return Err(wrong(format!(
                        "it overlaps its version on line {earlier_line}: give that one `until = {}`",
                        row.from
                    )));
                }
            }
            match in_force_until {
                Some(until) if until < row.from => {
                    return Err(wrong(format!("nothing is in force from {until} to {}", row.from)));
                }
                Some(until) => in_force_until = row.until.map(|end| end.max(until)),
                None => {}
            }
        }
    }
    Ok(())
}

/// On one day, at most one row covers one claim, tag and frequency; plain sends may be covered by several.
fn one_row_covers(policy: &Policy, places: &Places) -> Result<(), PolicyError> {
    for (at, row) in policy.permissions.iter().enumerate() {
        let twin = policy.permissions.iter().zip(&places.permissions).take(at).find(|(other, _)| {
            (other.channel, other.claim, &other.tag, other.frequency)
                == (row.channel, row.claim, &row.tag, row.frequency)
                && row.claim != Claim::Response
                && row.until.is_none_or(|until| other.from < until)
                && other.until.is_none_or(|until| row.from < until)
        });
        if let Some((other, other_line)) = twin {
            let line = places.permissions.get(at).copied().unwrap_or(1);
            let reason =
                format!("`{}`: `{}` on line {other_line} covers the same sends on the same days", row.id, other.id);
            return Err(PolicyError { line, reason });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::policy::{BUILT_IN, Policy};

    /// Each law, broken by one edit of the built-in table, is refused for its own reason.
    #[test]
    fn every_broken_law_is_named_with_its_line() {
        for (from, to, reason) in [
            ("until = 2016-11-14", "until = 2016-07-01", "`until` must come after `from`"),
            ("until = 2016-11-14", "until = 2016-11-13", "nothing is in force from 2016-11-13 to 2016-11-14"),
            ("until = 2016-11-14", "until = 2016-11-15", "overlaps its version"),
            ("until = 2016-11-14", "until = 2016-02-30", ""),
            ("tag = \"GAME_EVENT\"", "tag = \"GAME_EVNT\"", "`tag` and `id` disagree"),
            ("tag = \"GAME_EVENT\"\n", "", "claim tag needs a `tag`"),
            ("opened_by = [\"ad_message\"]", "opened_by = [\"ad_mesage\"]", "`ad_mesage` is not a move"),
            ("opened_by = [\"ad_message\"]\n", "", "`opened_by` is missing"),
            ("opened_by = [\"otn_optin\"]", "opened_by = [\"message\"]", "opened by `otn_optin` alone"),
            ("lasts = \"24h\"", "lasts = \"24 hours\"", "not a length of time"),
            ("unclear_after = \"24h\"", "unclear_after = \"8d\"", "shorter than `lasts`"),
            ("source = \"https://", "source = \"http://", "must be an https link"),
            ("claim = \"sponsored\"", "claim = \"response\"\nevery = \"day\"", "are for claims recurring"),
            (
                "extra_after = \"messenger-window\"",
                "extra_after = \"messenger-windw\"",
                "which is no row of this channel",
            ),
            ("only_in = [\"AU\"", "only_in = [\"Australia\"", "neither an ISO 3166 country"),
            ("id = \"messenger-ad-window\"", "id = \"ad-window\"", "`id` must begin with `messenger-`"),
            ("id = \"messenger-news\"", "id = \"messenger-news\"\ncolour = 1", "unknown field `colour`"),
            ("granted_before = 2023-01-31", "granted_before = 2023-01-32", ""),
            (
                "lasts = \"1y\"\nevery = \"day\"",
                "lasts = \"1y\"\nevery = \"day\"\ngranted_before = 2023-01-31",
                "`granted_before` needs a `frequency`",
            ),
            ("means = \"outside-window\"", "means = \"outside\"", "is not a rule"),
            ("id = \"messenger-utility\"", "id = \"messenger-ad-window\"", "it covers another claim"),
            ("uses = 1\nfor = \"the topic", "for = \"the topic", "needs `uses = 1`"),
            ("id = \"messenger-utility\"", "id = \"messenger-utility\"\nhuman = true", "`human` is for claim tag"),
            ("lasts = \"7d\"\nhuman = true", "lasts = \"7d\"\nhuman = true\napproval = \"x\"", "`approval` is for"),
            ("lasts = \"7d\"\nhuman = true", "lasts = \"7d\"\nhuman = true\nonly_in = [\"DE\"]", "`only_in` is for"),
            ("unclear_after = \"24h\"", "unclear_after = \"24h\"\nunmarked = true", "`unmarked` is for"),
            ("unclear_after = \"24h\"", "unclear_after = \"24h\"\npromotion = false", "cannot forbid promotion"),
            ("opened_by = [\"optin\"]", "opened_by = [\"message\"]", "claim template is opened by"),
            ("follow_ups = 3", "follow_ups = 16", "can be at most 15"),
            ("claim = \"utility\"", "claim = \"marketing\"", "covers the same sends"),
        ] {
            assert!(BUILT_IN.contains(from), "{from}");
            let broken = BUILT_IN.replacen(from, to, 1);
            match Policy::parse(&broken) {
                Ok(_) => panic!("accepted: {to}"),
                Err(error) => {
                    assert!(error.reason.contains(reason), "{to}: {}", error.reason);
                    assert!(1 < error.line, "{to}: {error}");
                }
            }
        }
    }
}
