//! The pages: `npm ci` when the lock file changed, `npm run build` when a source changed.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::run::{self, Stop};
use crate::setup;

/// Folders of `web/` that tools make: a change there is no change of the sources.
const MADE: [&str; 4] = ["node_modules", "dist", "test-results", ".svelte-kit"];
/// How long installing or building may take.
const LIMIT: Duration = Duration::from_secs(900);

/// Builds the pages if they are not up to date.
///
/// # Errors
///
/// If Node.js cannot be had, or npm or the build fails (the end of its output is repeated).
pub(crate) fn build(stop: &Stop) -> Result<()> {
    let web = run::root().join("web");
    if !web.join("package.json").is_file() {
        bail!("there are no pages to build: {} is missing", web.join("package.json").display());
    }
    let stamps = Stamps::of(&web)?;
    if stamps.installed && stamps.built {
        println!("pages: up to date");
        return Ok(());
    }
    let path = setup::node_path()?;
    if !stamps.installed {
        println!("pages: installing npm packages");
        npm(stop, &web, &path, &["ci", "--no-audit", "--no-fund"])?;
        fs::write(stamps.lock_file(), &stamps.lock)?;
    }
    println!("pages: building");
    npm(stop, &web, &path, &["run", "build"])?;
    if !web.join("dist").is_dir() {
        bail!("the pages were built, but there is no {}", web.join("dist").display());
    }
    fs::write(stamps.source_file(), &stamps.sources)?;
    Ok(())
}

/// The sentences that pages show, beside the pages' folder.
const CATALOGUES: [&str; 2] = ["../dispatch/messages/ko", "../dispatch/messages/en"];

/// What the pages were built from, against what lies there now.
struct Stamps {
    web: PathBuf,
    lock: String,
    sources: String,
    installed: bool,
    built: bool,
}

impl Stamps {
    fn of(web: &Path) -> Result<Stamps> {
        let lock = digest(&[web.join("package-lock.json")])?;
        let mut files = sources(web)?;
        for catalogue in CATALOGUES.map(|folder| web.join(folder)) {
            files.extend(sources(&catalogue)?);
        }
        let sources = digest(&files)?;
        let mut stamps = Stamps { web: web.to_owned(), lock, sources, installed: false, built: false };
        stamps.installed = fs::read_to_string(stamps.lock_file()).is_ok_and(|text| text == stamps.lock);
        stamps.built = fs::read_to_string(stamps.source_file()).is_ok_and(|text| text == stamps.sources);
        Ok(stamps)
    }

    /// Lies in what it vouches for: who removes the packages removes the stamp.
    fn lock_file(&self) -> PathBuf {
        self.web.join("node_modules/.ondol-lock")
    }

    fn source_file(&self) -> PathBuf {
        self.web.join("dist/.ondol-sources")
    }
}

fn npm(stop: &Stop, web: &Path, path: &std::ffi::OsStr, args: &[&str]) -> Result<()> {
    let log = run::target_dir().join(format!("web-{}.log", args[0]));
    let mut npm = Command::new("npm");
    npm.args(args).current_dir(web).env("PATH", path);
    if run::to_log(&mut npm, &log, LIMIT, stop)?.is_success() {
        Ok(())
    } else {
        bail!("`npm {}` failed in web/:\n{}", args.join(" "), run::tail(&log))
    }
}

/// Lists the source files in a folder, in one order on every machine.
fn sources(web: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![web.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let entry = entry?;
            let kind = entry.file_type()?;
            let is_made = entry.file_name().to_str().is_some_and(|name| MADE.contains(&name));
            if kind.is_dir() && !is_made {
                folders.push(entry.path());
            } else if kind.is_file() {
                found.insert(entry.path());
            }
        }
    }
    Ok(found)
}

fn digest<'a>(files: impl IntoIterator<Item = &'a PathBuf>) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    for file in files {
        let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        hasher.write(file.as_os_str().as_encoded_bytes());
        hasher.write_usize(bytes.len());
        hasher.write(&bytes);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(name: &str) -> PathBuf {
        let web = std::env::temp_dir().join(format!("ondol-web-{}-{name}/web", std::process::id()));
        for folder in ["src", "node_modules", "dist"].iter().chain(&CATALOGUES) {
            fs::create_dir_all(web.join(folder)).unwrap();
        }
        for (file, text) in [
            ("package.json", "{}"),
            ("package-lock.json", "{}"),
            ("src/a.ts", "1"),
            ("dist/a.js", "1"),
            ("../dispatch/messages/ko/pages.ftl", "1"),
        ] {
            fs::write(web.join(file), text).unwrap();
        }
        web
    }

    fn vouch(web: &Path) {
        let stamps = Stamps::of(web).unwrap();
        fs::write(stamps.lock_file(), &stamps.lock).unwrap();
        fs::write(stamps.source_file(), &stamps.sources).unwrap();
    }

    #[test]
    fn nothing_is_up_to_date_in_a_fresh_clone() {
        let web = pages("fresh");
        let stamps = Stamps::of(&web).unwrap();
        fs::remove_dir_all(web.parent().unwrap()).unwrap();
        assert!(!stamps.installed && !stamps.built);
    }

    #[test]
    fn a_changed_source_is_built_again_without_installing() {
        let web = pages("source");
        vouch(&web);
        fs::write(web.join("dist/a.js"), "2").unwrap();
        let same = Stamps::of(&web).unwrap();
        fs::write(web.join("src/a.ts"), "2").unwrap();
        let changed = Stamps::of(&web).unwrap();
        fs::write(web.join("src/a.ts"), "1").unwrap();
        fs::write(web.join("src/b.ts"), "").unwrap();
        let added = Stamps::of(&web).unwrap();
        fs::remove_file(web.join("src/b.ts")).unwrap();
        fs::write(web.join("../dispatch/messages/ko/pages.ftl"), "2").unwrap();
        let reworded = Stamps::of(&web).unwrap();
        fs::remove_dir_all(web.parent().unwrap()).unwrap();
        assert!(same.installed && same.built, "what tools make is no source");
        assert!(changed.installed && !changed.built);
        assert!(!added.built);
        assert!(!reworded.built, "a changed sentence is seen on the pages");
    }

    #[test]
    fn a_changed_lock_file_installs_again() {
        let web = pages("lock");
        vouch(&web);
        fs::write(web.join("package-lock.json"), "{\"lockfileVersion\":3}").unwrap();
        let stamps = Stamps::of(&web).unwrap();
        fs::remove_dir_all(web.parent().unwrap()).unwrap();
        assert!(!stamps.installed && !stamps.built);
    }
}
