//! The processes of one demo run, and what can be done to them.

pub(crate) mod harm;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use time::OffsetDateTime;

use super::configs::{self, Configs, District};
use super::keys;
use super::plan::{self, Plan, Ports};
use super::roster::{self, Roster};
use super::routes::{Routes, TEXT};
use crate::postgres::{Server, random_hex};
use crate::run::{self, Stop};
use crate::supervise::{Program, Supervisor};

/// How long a process may take until it answers that it is ready.
const READY: Duration = Duration::from_secs(60);
/// How long writing out a journal may take.
const EXPORT: Duration = Duration::from_secs(120);
/// How long making or importing a map may take.
const MAP: Duration = Duration::from_secs(600);

/// The simulated fleet and riders: the one process that ends by itself.
const LOAD: &str = "load";
/// Central's PostgreSQL among the victims.
pub(crate) const DATABASE: &str = "postgres";

/// A running system. Dropping it stops the processes and then the database.
pub(crate) struct City<'a> {
    plan: &'a Plan,
    dir: PathBuf,
    districts: Vec<District>,
    supervisor: Supervisor,
    server: Server,
    /// The operator's, at every node of this run.
    password: String,
    /// How the processes reach each other.
    routes: Routes,
    /// The moment at which simulated time is the plan's start.
    wall_start: OffsetDateTime,
    /// What has to be in place for harm, if there will be any.
    means: Option<harm::Means>,
    /// Processes that may end by themselves now, because of what is done to them.
    may_end: BTreeSet<String>,
    /// Held while the run goes on.
    _claim: File,
}

impl<'a> City<'a> {
    /// Makes the map and the configuration, and starts everything but the load; all are ready when it returns.
    ///
    /// # Errors
    ///
    /// If a step fails; the process and the end of its log are in the message.
    pub(crate) fn start(plan: &'a Plan, name: &str, server: Server, stop: &Stop) -> Result<City<'a>> {
        City::start_with(plan, name, server, stop, None)
    }

    fn start_with(
        plan: &'a Plan,
        name: &str,
        server: Server,
        stop: &Stop,
        means: Option<harm::Means>,
    ) -> Result<City<'a>> {
        let dir = plan::runs().join(name);
        let claim = claim(&dir, plan.ports)?;
        if dir.exists() {
            fs::remove_dir_all(&dir)
                .with_context(|| format!("cannot remove the last run, {}", dir.display()))?;
        }
        let supervisor = Supervisor::new(&dir, stop.clone())?;
        println!("start: logs are in {}", dir.display());
        let map = make_map(plan, &dir, stop)?;
        let districts = configs::districts(&map, plan.ports)?;
        let routes = match means {
            Some(_) => Routes::through_links(&nodes(plan, &districts))?,
            None => Routes::default(),
        };
        let wall_start = OffsetDateTime::now_utc();
        Configs {
            plan,
            dir: &dir,
            map: &map,
            districts: &districts,
            routes: &routes,
            database_url: &server.database("ondol")?,
            wall_start,
        }
        .write()?;
        let password = random_hex()?;
        enter_people(plan, &dir, &districts, &password)?;
        let may_end = BTreeSet::new();
        let mut city = City {
            plan,
            dir,
            districts,
            supervisor,
            server,
            password,
            routes,
            wall_start,
            means,
            may_end,
            _claim: claim,
        };
        city.launch("central", &["serve"])?;
        for (name, _) in city.edges() {
            city.launch(&name, &["serve"])?;
        }
        city.launch(TEXT, &["sms", "serve"])?;
        Ok(city)
    }

    /// Starts the simulated fleet and riders.
    ///
    /// # Errors
    ///
    /// If the process cannot be started.
    pub(crate) fn start_load(&mut self) -> Result<()> {
        let program = self.program(LOAD, &["load"]);
        self.supervisor.start(program)
    }

    /// True until the load has done its part.
    pub(crate) fn is_load_running(&self) -> bool {
        self.supervisor.pid(LOAD).is_some()
    }

    /// Returns the folder through which a person takes part in the city.
    pub(crate) fn visitor(&self) -> PathBuf {
        self.dir.join(configs::VISITOR)
    }

    /// Waits until the load has done its part.
    ///
    /// # Errors
    ///
    /// If it takes longer than `limit`, or we are asked to stop.
    pub(crate) fn wait_load(&mut self, limit: Duration) -> Result<ExitStatus> {
        self.supervisor.wait_end(LOAD, limit)
    }

    /// Kills central and its PostgreSQL at once: nothing gets to tidy up, nobody is told.
    ///
    /// # Errors
    ///
    /// If central is not running, or the database is not ours to kill.
    pub(crate) fn cut(&mut self) -> Result<()> {
        let Server::Private(cluster) = &mut self.server else {
            bail!("DATABASE_URL is set: that server is not ours to kill; unset it to play an outage");
        };
        self.supervisor.kill_9("central")?;
        cluster.kill_9()
    }

    /// Brings back what [`City::cut`] killed, as it was left on disk.
    ///
    /// # Errors
    ///
    /// If PostgreSQL does not recover or central does not get ready.
    pub(crate) fn restore(&mut self) -> Result<()> {
        if self.supervisor.pid("central").is_some() {
            bail!("central is running");
        }
        self.start_database()?;
        self.supervisor.restart("central")?;
        let url = self.ready_url("central");
        self.supervisor.wait_ready("central", &url, READY)
    }

    /// Starts PostgreSQL after it was killed.
    ///
    /// # Errors
    ///
    /// If it does not recover.
    pub(crate) fn start_database(&mut self) -> Result<()> {
        match &mut self.server {
            Server::Private(cluster) => cluster.start(),
            Server::Given(_) => Ok(()),
        }
    }

    /// What can be killed.
    pub(crate) fn victims(&self) -> Vec<String> {
        let edges = self.edges().into_iter().map(|(name, _)| name);
        ["central", TEXT, DATABASE].map(str::to_owned).into_iter().chain(edges).collect()
    }

    /// Kills one of [`City::victims`] at once.
    ///
    /// # Errors
    ///
    /// If it is not running, or the database is not ours to kill.
    pub(crate) fn kill(&mut self, victim: &str) -> Result<()> {
        match &mut self.server {
            Server::Private(cluster) if victim == DATABASE => cluster.kill_9(),
            _ => self.supervisor.kill_9(victim),
        }
    }

    /// Brings a victim back, and central with its database, and waits until it is ready.
    ///
    /// # Errors
    ///
    /// If it does not get ready.
    pub(crate) fn revive(&mut self, victim: &str) -> Result<()> {
        let process = match &mut self.server {
            Server::Private(cluster) if victim == DATABASE => {
                cluster.start()?;
                "central"
            }
            _ => victim,
        };
        if self.supervisor.pid(process).is_none() {
            self.supervisor.restart(process)?;
        }
        let url = self.ready_url(process);
        if victim == DATABASE && self.supervisor.wait_ready(process, &url, READY).is_err() {
            // Central may end rather than go on with a database that failed it.
            self.supervisor.restart(process)?;
        }
        self.supervisor.wait_ready(process, &url, READY)
    }

    /// Fails if a process ended that nobody killed.
    ///
    /// # Errors
    ///
    /// Names the process.
    pub(crate) fn check(&mut self) -> Result<()> {
        self.may_end.iter().try_for_each(|name| self.supervisor.forgive(name))?;
        self.supervisor.check()
    }

    /// Stops everything, the last started first.
    ///
    /// # Errors
    ///
    /// If a process had to be killed.
    pub(crate) fn stop(mut self) -> Result<()> {
        self.supervisor.stop_all()
    }

    /// Stops everything but the database, and writes every node's journal to `journals/NODE.jsonl` for the checker.
    ///
    /// # Errors
    ///
    /// If a process had died by itself or had to be killed, or a journal cannot be read.
    pub(crate) fn stop_and_export(mut self, stop: &Stop) -> Result<()> {
        self.supervisor.check()?;
        self.supervisor.stop_all()?;
        let journals = self.dir.join("journals");
        fs::create_dir_all(&journals).with_context(|| format!("cannot make {}", journals.display()))?;
        let edges = self.edges();
        for name in edges.iter().map(|(name, _)| name.as_str()).chain(["central"]) {
            let mut command = std::process::Command::new(ondol());
            command.args(["journal", "export", "--config"]).arg(self.dir.join(format!("{name}.toml")));
            command.arg("--out").arg(journals.join(format!("{name}.jsonl")));
            let log = self.dir.join(format!("export-{name}.log"));
            if !run::to_log(&mut command, &log, EXPORT, stop)?.is_success() {
                bail!("the journal of {name} cannot be written out:\n{}", run::tail(&log));
            }
        }
        Ok(())
    }

    /// Prints what to open.
    pub(crate) fn print_doors(&self) {
        let nodes = nodes(self.plan, &self.districts);
        let width = nodes.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        println!("\n{:width$}  book a taxi               dispatch it", "");
        for (name, port) in nodes {
            let rider = format!("http://127.0.0.1:{port}/");
            println!("{name:width$}  {rider:<24}  {rider}console/");
        }
        println!("\nsign in to the console as {} with the password {}", roster::LOGIN, self.password);
    }

    /// Returns what the load said last.
    pub(crate) fn progress(&self) -> Option<String> {
        run::tail(&self.supervisor.log(LOAD)).lines().last().map(str::to_owned)
    }

    /// Returns the run's folder.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    fn edges(&self) -> Vec<(String, u16)> {
        nodes(self.plan, &self.districts).split_off(1)
    }

    fn launch(&mut self, name: &str, subcommand: &[&str]) -> Result<()> {
        let program = self.program(name, subcommand);
        self.supervisor.start(program)?;
        let url = self.ready_url(name);
        self.supervisor.wait_ready(name, &url, READY)?;
        println!("start: {name} is ready");
        Ok(())
    }

    fn program(&self, name: &str, subcommand: &[&str]) -> Program {
        let mut args: Vec<String> = subcommand.iter().copied().map(str::to_owned).collect();
        args.extend(["--config".to_owned(), self.dir.join(format!("{name}.toml")).display().to_string()]);
        let program =
            Program { name: name.to_owned(), path: ondol(), args, env: Vec::new(), has_end: name == LOAD };
        match &self.means {
            Some(means) if name != LOAD => means.expose(program, &self.dir),
            Some(_) | None => program,
        }
    }

    fn ready_url(&self, name: &str) -> String {
        let ports = self.plan.ports;
        let edge = self.edges().into_iter().find(|(edge, _)| edge == name);
        let port = match edge {
            Some((_, port)) => port,
            None if name == TEXT => ports.sms,
            None => ports.central,
        };
        format!("http://127.0.0.1:{port}/readyz")
    }
}

/// Makes sure that nobody else plays in `dir` or answers on the ports, before anything of an earlier run is removed.
fn claim(dir: &Path, ports: Ports) -> Result<File> {
    let lock = dir.with_extension("lock");
    fs::create_dir_all(plan::runs()).with_context(|| format!("cannot make {}", plan::runs().display()))?;
    let file = File::create(&lock).with_context(|| format!("cannot write {}", lock.display()))?;
    if let Err(error) = file.try_lock() {
        bail!("another run goes on in {} ({error}): stop it first", dir.display());
    }
    for port in [ports.central, ports.edges[0], ports.edges[1], ports.sms] {
        if let Err(error) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            bail!("port {port} cannot be used ({error}): give another one with --port");
        }
    }
    Ok(file)
}

/// Central and the edges, each with its port.
fn nodes(plan: &Plan, districts: &[District]) -> Vec<(String, u16)> {
    let central = ("central".to_owned(), plan.ports.central);
    std::iter::once(central).chain(districts.iter().filter_map(|district| district.edge.clone())).collect()
}

/// The executable that the demo runs: `ONDOL_BIN`, else the one it built.
pub(crate) fn ondol() -> PathBuf {
    std::env::var_os(super::OWN_EXECUTABLE)
        .map_or_else(|| run::target_dir().join("debug/ondol"), PathBuf::from)
}

/// Enters drivers and operators, and gives the text process its token; the nodes are not running yet.
fn enter_people(plan: &Plan, dir: &Path, districts: &[District], password: &str) -> Result<()> {
    let enter = |node: &str, file: &str, roster: &Roster| {
        let (config, file) = (dir.join(format!("{node}.toml")), dir.join(file));
        run::write_private(&file, &serde_json::to_string_pretty(roster)?)?;
        keys::node(&["roster", "--config", &config.display().to_string()], &file)
    };
    enter("central", "roster.json", &Roster::central(plan.seed, plan.drivers, districts, password))?;
    let mut edges = districts.iter().filter_map(|district| district.edge.as_ref());
    edges.try_for_each(|(name, _)| {
        enter(name, &format!("{name}-roster.json"), &Roster::edge(password)).map(drop)
    })?;
    // Every edge trusts central's key, so one text process may speak to all of them.
    let token = keys::node(&["text-token", "--config"], &dir.join("central.toml"))?;
    run::write_private(&dir.join("sms/token"), &token)
}

/// Generates the synthetic city, or imports the map that was asked for.
fn make_map(plan: &Plan, dir: &Path, stop: &Stop) -> Result<PathBuf> {
    let out = dir.join("map");
    let mut command = std::process::Command::new(ondol());
    match &plan.map {
        Some(file) => command.args(["map", "import"]).arg(file),
        None => command.args(["map", "generate", "--seed", &plan.seed.to_string()]),
    };
    command.arg("--out").arg(&out);
    let log = dir.join("map.log");
    if run::to_log(&mut command, &log, MAP, stop)?.is_success() {
        Ok(out)
    } else {
        bail!("the map cannot be made:\n{}", run::tail(&log))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_do_not_share_a_folder_or_a_port() {
        let free = || crate::postgres::free_port().unwrap();
        let ports = Ports { central: free(), edges: [free(), free()], sms: free() };
        let dir = plan::runs().join(format!("claim-{}", std::process::id()));
        let held = claim(&dir, ports).unwrap();
        assert!(claim(&dir, ports).unwrap_err().to_string().contains("another run"));
        drop(held);
        let other = TcpListener::bind((Ipv4Addr::LOCALHOST, ports.edges[1])).unwrap();
        let refused = claim(&dir, ports).unwrap_err().to_string();
        assert!(refused.contains(&ports.edges[1].to_string()) && refused.contains("--port"), "{refused}");
        drop(other);
        claim(&dir, ports).unwrap();
        fs::remove_file(dir.with_extension("lock")).unwrap();
    }
}
