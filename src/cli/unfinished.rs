//! The report that is being written, and what becomes of it if the run does not end by itself: nothing is left of it.
//!
//! A report grows in a hidden file beside its target and is put in its place when it is whole. That file is removed when the
//! run fails, and by Ctrl-C and SIGTERM; one that was left by a run killed outright is removed by the next run that writes
//! there. A running one holds a lock on its file, by which the two are told apart.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use tempfile::NamedTempFile;

/// How such a file is named: these around some letters.
const PREFIX: &str = ".fbwin-";
const SUFFIX: &str = ".part";

/// A file younger than this may belong to a run that is about to lock it.
const YOUNG: Duration = Duration::from_secs(10);

/// Makes the file for a report in `folder`, with the permissions that `builder` has.
pub(crate) fn create(builder: &mut tempfile::Builder<'_, '_>, folder: &Path) -> io::Result<NamedTempFile> {
    clean(folder);
    let file = builder.prefix(PREFIX).suffix(SUFFIX).tempfile_in(folder)?;
    // Without locks, as on some network drives, nothing of another run is ever removed.
    let _ = file.as_file().lock();
    #[cfg(unix)]
    remove_on_signals(file.path());
    Ok(file)
}

/// Removes what runs that were killed left behind.
fn clean(folder: &Path) {
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in names {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_old = || entry.metadata().and_then(|meta| meta.modified()).ok()?.elapsed().ok().map(|age| YOUNG < age);
        if name.starts_with(PREFIX) && name.ends_with(SUFFIX) && is_old().unwrap_or(false) && is_left(&entry.path()) {
            // Somebody else's file stays; there is nothing to say about it.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Whether no run is writing to the file.
fn is_left(path: &Path) -> bool {
    let Ok(file) = File::options().write(true).open(path) else { return false };
    !matches!(file.try_lock(), Err(TryLockError::WouldBlock | TryLockError::Error(_)))
}

/// Has the file removed when the run is interrupted, which then ends as it would have.
#[cfg(unix)]
fn remove_on_signals(path: &Path) {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let path = path.to_owned();
    // If signals cannot be caught, the next run cleans up.
    let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM]) else { return };
    std::thread::spawn(move || {
        for signal in signals.forever() {
            // It may have become the report by now.
            let _ = std::fs::remove_file(&path);
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
    });
}
