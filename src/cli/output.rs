//! Where a report goes: standard output, or a file that is written whole or not at all.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::NamedTempFile;

use crate::cli::unfinished;

/// Reports run to hundreds of megabytes; a large buffer saves system calls.
const BUFFER_BYTES: usize = 256 << 10;

/// Standard output or a file.
pub(crate) enum Output {
    Stdout {
        out: BufWriter<io::Stdout>,
        closed: bool,
    },
    /// The new content, which replaces the target when it is finished.
    File {
        out: BufWriter<NamedTempFile>,
        target: PathBuf,
    },
    /// A pipe or device, which cannot be replaced.
    Device {
        out: BufWriter<File>,
        target: PathBuf,
    },
}

impl Output {
    /// Opens the output; `None` or `-` is standard output.
    pub(crate) fn open(path: Option<&Path>) -> anyhow::Result<Output> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            return Ok(Output::Stdout { out: BufWriter::with_capacity(BUFFER_BYTES, io::stdout()), closed: false });
        };
        let failed = || format!("cannot write {}", path.display());
        // A link stays a link: what it points to is replaced.
        let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        match std::fs::metadata(&target) {
            Ok(meta) if meta.is_dir() => anyhow::bail!("cannot write {}: it is a directory", path.display()),
            Ok(meta) if !meta.is_file() => {
                let file = File::options().write(true).open(&target).with_context(failed)?;
                return Ok(Output::Device { out: BufWriter::with_capacity(BUFFER_BYTES, file), target });
            }
            _ => {}
        }
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // A report is as readable as the one it replaces, or as any other new file: the umask decides.
            let before = std::fs::metadata(&target).ok().map(|meta| meta.permissions());
            builder.permissions(before.unwrap_or(std::fs::Permissions::from_mode(0o666)));
        }
        let file = unfinished::create(&mut builder, folder).with_context(failed)?;
        Ok(Output::File { out: BufWriter::with_capacity(BUFFER_BYTES, file), target })
    }

    /// Whether it is a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        matches!(self, Output::Stdout { .. }) && io::stdout().is_terminal()
    }

    /// How many columns a table may have. Files and pipes get 80.
    pub(crate) fn width(&self) -> u16 {
        if !self.is_terminal() {
            return 80;
        }
        let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        told.or_else(|| terminal_size::terminal_size().map(|(width, _)| width.0)).unwrap_or(80)
    }

    /// Writes what is left and puts a file in its place.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        self.flush().with_context(|| self.failed())?;
        if let Output::File { out, target } = self {
            let failed = format!("cannot write {}", target.display());
            let file = out.into_inner().map_err(io::IntoInnerError::into_error).with_context(|| failed.clone())?;
            file.as_file().sync_all().with_context(|| failed.clone())?;
            file.persist(&target).with_context(|| failed)?;
        }
        Ok(())
    }

    /// What could not be done, for an error of writing.
    pub(crate) fn failed(&self) -> String {
        match self {
            Output::Stdout { .. } => "cannot write to standard output".into(),
            Output::File { target, .. } | Output::Device { target, .. } => format!("cannot write {}", target.display()),
        }
    }
}

/// A pipe that the reader has closed is a normal end: what is still to come goes nowhere.
impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Output::Stdout { closed: true, .. } => Ok(bytes.len()),
            Output::Stdout { out, closed } => match out.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    *closed = true;
                    Ok(bytes.len())
                }
                result => result,
            },
            Output::File { out, .. } => out.write(bytes),
            Output::Device { out, .. } => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Output::Stdout { closed: true, .. } => Ok(()),
            Output::Stdout { out, closed } => match out.flush() {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    *closed = true;
                    Ok(())
                }
                result => result,
            },
            Output::File { out, .. } => out.flush(),
            Output::Device { out, .. } => out.flush(),
        }
    }
}
