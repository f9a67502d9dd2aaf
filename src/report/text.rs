//! Verdicts for a person: a line a send, in columns that `grep` and `cut` can take apart too.

use std::io::{self, Write};

use crate::finding::Judged;
use crate::report::{VerdictFormat, VerdictReport, plain};

pub(super) const FORMAT: VerdictFormat = VerdictFormat { name: "text", report: |out| Box::new(Text { out }) };

struct Text<'w> {
    out: &'w mut (dyn Write + Send),
}

impl VerdictReport for Text<'_> {
    fn verdict(&mut self, judged: &Judged<'_>) -> io::Result<()> {
        let rules = judged.rules.iter().map(|rule| rule.word()).collect::<Vec<_>>().join("+");
        let by = match judged.verdict {
            "violation" => rules.as_str(),
            "unproven" => judged.reason.unwrap_or_default(),
            _ => judged.permission.unwrap_or("-"),
        };
        let account = if judged.account.is_empty() { "-" } else { judged.account };
        // Where the codes say something about the policy, the reason says it already.
        let said = judged.why.contains("Meta refused it");
        let rejected = if judged.delivered == Some(false) && !said { "; rejected by Meta" } else { "" };
        writeln!(
            self.out,
            "{} {:9} {by}  {}/{}/{}  {}{rejected}  [{}]",
            judged.at,
            judged.verdict,
            judged.channel.word(),
            plain(account),
            plain(judged.user),
            plain(&judged.why),
            plain(&judged.source.to_string()),
        )
    }
}
