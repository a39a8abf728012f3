//! A private PostgreSQL cluster on a free port: made, started, killed, started again, stopped and removed.
//!
//! PostgreSQL refuses to run as root, so root runs it as the `postgres` account through `setpriv`; the cluster then lies in
//! the system's temporary folder, which that account can reach wherever the project was cloned.
//! The server listens on 127.0.0.1 only and asks for a password made for this cluster alone.

use std::fs::{self, File};
use std::io::Read as _;
use std::net::TcpListener;
use std::ops::Range;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::run::{self, Stop};
use crate::setup::{self, Need};
use crate::supervise;

/// The account that may do everything in a cluster of ours; nodes are given lesser ones.
const ADMIN: &str = "ondol_admin";
/// How often ports that follow each other are looked for.
const PORT_TRIES: u32 = 50;
/// Where they are looked for: below 32768, from where on Linux gives ports to whoever asks for any.
const PORTS: Range<u16> = 20_000..32_000;
/// How long making a cluster, starting it or stopping it may take.
const LIMIT: Duration = Duration::from_secs(60);

/// What a committed transaction survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// The death of any process and of the machine: as in production.
    Machine,
    /// The death of any process; quicker, for tests.
    Process,
}

/// Arguments of `cargo xtask postgres`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The program to run and its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// The database server that a task uses.
pub(crate) enum Server {
    /// Our own, removed in the end.
    Private(Cluster),
    /// The one at `DATABASE_URL`, which is not ours to stop.
    Given(String),
}

impl Server {
    /// Takes `DATABASE_URL` if it is set, else makes and starts a private cluster.
    ///
    /// # Errors
    ///
    /// If PostgreSQL cannot be installed, made or started.
    pub(crate) fn open(durability: Durability) -> Result<Server> {
        match std::env::var("DATABASE_URL") {
            Ok(url) if !url.is_empty() => Ok(Server::Given(url)),
            Ok(_) | Err(_) => Server::private(durability),
        }
    }

    /// Makes and starts a private cluster, whatever `DATABASE_URL` says: one that may be killed.
    ///
    /// # Errors
    ///
    /// As [`Server::open`].
    pub(crate) fn private(durability: Durability) -> Result<Server> {
        let mut cluster = Cluster::create(durability)?;
        cluster.start()?;
        Ok(Server::Private(cluster))
    }

    /// Returns the URL of an account that may create databases and roles.
    pub(crate) fn admin_url(&self) -> String {
        match self {
            Server::Private(cluster) => cluster.url("postgres"),
            Server::Given(url) => url.clone(),
        }
    }

    /// Returns the URL of a database for central: a new one in our own cluster, the given one in another.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub(crate) fn database(&self, name: &str) -> Result<String> {
        match self {
            Server::Private(cluster) => cluster.create_database(name),
            Server::Given(url) => Ok(url.clone()),
        }
    }
}

/// A cluster in a folder of its own; dropping it stops the server and removes the folder.
pub(crate) struct Cluster {
    bin: PathBuf,
    dir: PathBuf,
    port: u16,
    password: String,
    server: Option<Child>,
}

impl Cluster {
    /// Makes an empty cluster, installing PostgreSQL if the machine has none; it is not running yet.
    ///
    /// # Errors
    ///
    /// If PostgreSQL is missing and cannot be installed, or `initdb` fails (its words are repeated).
    pub(crate) fn create(durability: Durability) -> Result<Cluster> {
        setup::ensure(&[Need::Postgres])?;
        let bin = setup::postgres_bin().context("PostgreSQL's `initdb` and `postgres` are not found")?;
        let password = random_hex()?;
        let dir = std::env::temp_dir().join(format!("ondol-pg-{}", random_hex()?));
        let private = fs::DirBuilder::new().mode(0o700).create(&dir);
        private.with_context(|| format!("cannot make {}", dir.display()))?;
        let cluster = Cluster { bin, dir, port: free_port()?, password, server: None };
        let key = cluster.dir.join("password");
        run::write_private(&key, &cluster.password)?;
        if rustix::process::geteuid().is_root() {
            run::on_terminal(
                Command::new("chown").args(["-R", "postgres:"]).arg(&cluster.dir),
                "PostgreSQL",
            )?;
        }
        let mut initdb = cluster.program("initdb");
        initdb
            .args([
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-instructions",
                "--no-sync",
            ])
            .args([format!("--username={ADMIN}"), format!("--pwfile={}", key.display())])
            .arg(format!("--pgdata={}", cluster.data().display()));
        let log = cluster.dir.join("initdb.log");
        if !run::to_log(&mut initdb, &log, LIMIT, &Stop::default())?.is_success() {
            bail!("PostgreSQL: initdb failed:\n{}", run::tail(&log));
        }
        fs::remove_file(&key)?;
        cluster.configure(durability)?;
        Ok(cluster)
    }

    /// Starts the server and waits until it answers.
    ///
    /// After a kill, the dead server's children may hold its memory for a moment; the start is then tried again.
    ///
    /// # Errors
    ///
    /// If it does not answer within a minute (the end of its log is repeated).
    pub(crate) fn start(&mut self) -> Result<()> {
        let deadline = Instant::now() + LIMIT;
        while Instant::now() < deadline {
            if self.server.is_none() {
                self.server = Some(self.spawn()?);
            }
            if self.answers()? {
                return Ok(());
            }
            if let Some(server) = &mut self.server
                && server.try_wait()?.is_some()
            {
                self.server = None;
            }
            std::thread::sleep(run::LOOK_EVERY);
        }
        bail!("PostgreSQL did not start:\n{}", run::tail(&self.log()))
    }

    /// Kills the server and its children at once, as a power cut would.
    ///
    /// # Errors
    ///
    /// If the server is not running.
    pub(crate) fn kill_9(&mut self) -> Result<()> {
        self.signal(Signal::KILL)?;
        if let Some(mut server) = self.server.take() {
            server.wait().context("cannot wait for PostgreSQL")?;
        }
        Ok(())
    }

    /// Sends a signal to the server's children and then to the server, which starts no more of them meanwhile.
    ///
    /// # Errors
    ///
    /// If the server is not running.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        let Some(server) = &self.server else { bail!("PostgreSQL is not running") };
        let send = |process: u32, signal| {
            let pid =
                i32::try_from(process).ok().and_then(Pid::from_raw).context("PostgreSQL has no such id")?;
            match kill_process(pid, signal) {
                Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
                Err(error) => bail!("cannot signal PostgreSQL: {error}"),
            }
        };
        send(server.id(), Signal::STOP)?;
        let children = supervise::children_of(server.id());
        children.into_iter().chain([server.id()]).try_for_each(|process| send(process, signal))
    }

    /// Stops the server in order, cutting its connections; a stopped server stays stopped.
    ///
    /// # Errors
    ///
    /// If it does not stop within a minute.
    pub(crate) fn stop(&mut self) -> Result<()> {
        let Some(mut server) = self.server.take() else { return Ok(()) };
        run::signal_group(&server, Signal::INT); // PostgreSQL's "fast" shutdown
        match run::wait(&mut server, LIMIT, &Stop::default())? {
            run::Ended::Exited(_) => Ok(()),
            run::Ended::TimedOut | run::Ended::Stopped => bail!("PostgreSQL did not stop and was killed"),
        }
    }

    /// Makes a database, owned by a role of the same name that may do nothing else and is held to row-level security.
    ///
    /// # Errors
    ///
    /// If there is one of that name already, or the server is not running.
    fn create_database(&self, name: &str) -> Result<String> {
        let password = random_hex()?;
        let script = self.dir.join("database.sql");
        run::write_private(
            &script,
            &format!(
                "CREATE ROLE {name} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '{password}';\n\
                 CREATE DATABASE {name} OWNER {name};\n"
            ),
        )?;
        let mut psql = self.client("psql");
        psql.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", ADMIN, "-d", "postgres"])
            .args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file"])
            .arg(&script)
            .env("PGPASSWORD", &self.password);
        run::on_terminal(&mut psql, "PostgreSQL")?;
        fs::remove_file(&script)?;
        Ok(format!("postgres://{name}:{password}@127.0.0.1:{}/{name}", self.port))
    }

    /// Returns the URL of `database` for the account that may create databases and roles.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://{ADMIN}:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    fn configure(&self, durability: Durability) -> Result<()> {
        let fsync = match durability {
            Durability::Machine => "on",
            Durability::Process => "off",
        };
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = ''\nfsync = {fsync}\n\
             max_connections = 200\nshared_buffers = '64MB'\nlog_timezone = 'UTC'\ntimezone = 'UTC'\n",
            self.port
        );
        let file = self.data().join("postgresql.auto.conf");
        fs::write(&file, settings).with_context(|| format!("cannot write {}", file.display()))
    }

    fn spawn(&self) -> Result<Child> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log())
            .context("cannot write PostgreSQL's log")?;
        let errors = log.try_clone().context("cannot write PostgreSQL's log")?;
        let mut postgres = self.program("postgres");
        postgres.arg("-D").arg(self.data()).stdin(Stdio::null()).stdout(log).stderr(errors).process_group(0);
        postgres.spawn().context("cannot start PostgreSQL")
    }

    fn answers(&self) -> Result<bool> {
        let mut probe = Command::new(self.bin.join("pg_isready"));
        probe.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
        Ok(probe.status().context("cannot run pg_isready")?.success())
    }

    /// Has the account that may do everything carry out a command and returns what it answers.
    ///
    /// # Errors
    ///
    /// If the server refuses it; its words are repeated.
    pub(crate) fn query(&self, command: &str) -> Result<String> {
        self.psql(&["-c", command])
    }

    /// A client program of the same version as the server: `psql`, `pgbench`.
    pub(crate) fn client(&self, name: &str) -> Command {
        Command::new(self.bin.join(name))
    }

    /// Has `psql` do what `args` say in the database `postgres`; returns what it prints, bare.
    ///
    /// # Errors
    ///
    /// If it fails; its own words are repeated.
    pub(crate) fn psql(&self, args: &[&str]) -> Result<String> {
        let mut psql = self.client("psql");
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]);
        let output = psql.args(args).arg(self.url("postgres")).output().context("cannot start psql")?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        bail!("psql: {}", String::from_utf8_lossy(&output.stderr).trim())
    }

    /// A program of PostgreSQL's, run as an account that it accepts.
    fn program(&self, name: &str) -> Command {
        let path = self.bin.join(name);
        let mut command = if rustix::process::geteuid().is_root() {
            let mut setpriv = Command::new("setpriv");
            setpriv.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(path);
            setpriv
        } else {
            Command::new(path)
        };
        command.current_dir(&self.dir).env("LC_ALL", "C.UTF-8");
        command
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    fn log(&self) -> PathBuf {
        self.dir.join("postgres.log")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("xtask: {error:#}");
        }
        if let Err(error) = fs::remove_dir_all(&self.dir) {
            eprintln!("xtask: cannot remove {}: {error}", self.dir.display());
        }
    }
}

/// Runs a program beside a private server, or only the server until Ctrl-C.
///
/// # Errors
///
/// If the server cannot be started, or the program fails.
pub(crate) fn run(args: &Args) -> Result<()> {
    let stop = Stop::on_signals()?;
    let server = Server::open(Durability::Process)?;
    match args.command.split_first() {
        Some((program, rest)) => {
            let mut command = Command::new(program);
            command.args(rest).env(TEST_URL, server.admin_url());
            run::on_terminal(&mut command, "postgres")
        }
        None => {
            println!("export {TEST_URL}={}", server.admin_url());
            println!("Ctrl-C stops the server and removes its folder.");
            stop.wait();
            Ok(())
        }
    }
}

/// The variable in which tests find the URL of an account that may create databases and roles.
pub(crate) const TEST_URL: &str = "ONDOL_TEST_DATABASE_URL";

/// Returns a port of 127.0.0.1 that was free a moment ago.
///
/// # Errors
///
/// If the machine has none.
pub(crate) fn free_port() -> Result<u16> {
    free_ports(1)
}

/// Returns the first of `count` ports of 127.0.0.1 that follow each other and were free a moment ago. They lie below those
/// of which the system gives one to whoever asks for any, so that nobody gets one by chance before it is used.
///
/// # Errors
///
/// If none are found in a few tries.
pub(crate) fn free_ports(count: u16) -> Result<u16> {
    for _ in 0..PORT_TRIES {
        let chance = u16::from_str_radix(&random_hex()?[..4], 16).context("hexadecimal digits")?;
        let first = PORTS.start + chance % (PORTS.end - PORTS.start - count);
        let free: Result<Vec<TcpListener>, _> =
            (first..first + count).map(|port| TcpListener::bind(("127.0.0.1", port))).collect();
        if free.is_ok() {
            return Ok(first);
        }
    }
    bail!("no {count} free ports in a row on 127.0.0.1")
}

/// Returns 128 random bits as hexadecimal digits.
///
/// # Errors
///
/// If the system's random source cannot be read.
pub(crate) fn random_hex() -> Result<String> {
    let mut bytes = [0_u8; 16];
    let source = Path::new("/dev/urandom");
    File::open(source)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .context("cannot read /dev/urandom")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One cluster through its whole life: a row committed before `kill_9` is there after the restart.
    #[test]
    fn a_committed_row_survives_a_kill_and_the_folder_does_not_survive_the_cluster() {
        if setup::postgres_bin().is_none() {
            eprintln!("skipped: PostgreSQL is not installed");
            return;
        }
        let mut cluster = Cluster::create(Durability::Process).unwrap();
        cluster.start().unwrap();
        let dir = cluster.dir.clone();
        let owned = cluster.create_database("ondol").unwrap();
        let may =
            "select rolsuper or rolbypassrls or rolcreaterole from pg_roles where rolname = current_user";
        assert_eq!(sql_at(&cluster, &owned, may), "f", "central is held to row-level security");
        cluster.query("create table kept (word text); insert into kept values ('warm')").unwrap();
        assert!(cluster.query("select nothing").unwrap_err().to_string().contains("nothing"));
        let old = cluster.server.as_ref().unwrap().id();
        cluster.kill_9().unwrap();
        assert!(!cluster.answers().unwrap(), "a killed server answers");
        cluster.start().unwrap();
        assert_ne!(cluster.server.as_ref().unwrap().id(), old);
        assert_eq!(cluster.query("select word from kept").unwrap(), "warm");
        cluster.stop().unwrap();
        assert!(!cluster.answers().unwrap(), "a stopped server answers");
        assert!(cluster.kill_9().unwrap_err().to_string().contains("not running"));
        drop(cluster);
        assert!(!dir.exists(), "{} was left behind", dir.display());
    }

    #[test]
    fn a_wrong_password_is_refused() {
        if setup::postgres_bin().is_none() {
            eprintln!("skipped: PostgreSQL is not installed");
            return;
        }
        let mut cluster = Cluster::create(Durability::Process).unwrap();
        cluster.start().unwrap();
        let url = cluster.url("postgres").replace(&cluster.password, "guess");
        let status = Command::new(cluster.bin.join("psql"))
            .args(["-qc", "select 1", &url])
            .stderr(Stdio::null())
            .status();
        assert!(!status.unwrap().success());
    }

    fn sql_at(cluster: &Cluster, url: &str, text: &str) -> String {
        let psql = Command::new(cluster.bin.join("psql")).args(["-qAtc", text, url]).output().unwrap();
        assert!(psql.status.success(), "{}", String::from_utf8_lossy(&psql.stderr));
        String::from_utf8_lossy(&psql.stdout).trim().to_owned()
    }
}
