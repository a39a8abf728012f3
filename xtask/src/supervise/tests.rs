//! The supervisor over real processes: shells that trap, ignore or obey signals.

use super::*;

const LONG: Duration = Duration::from_secs(20);

fn supervisor(name: &str) -> Supervisor {
    let dir = std::env::temp_dir().join(format!("ondol-supervise-{}-{name}", std::process::id()));
    Supervisor::new(&dir, Stop::default()).unwrap()
}

fn shell(name: &str, code: &str) -> Program {
    Program {
        name: name.into(),
        path: "/bin/sh".into(),
        args: vec!["-c".into(), code.into()],
        env: Vec::new(),
        has_end: false,
    }
}

/// Waits until `text` stands in a program's log; a process that answers late fails the test after a bound.
fn wait_for(run: &Supervisor, name: &str, text: &str) {
    let started = Instant::now();
    while !fs::read_to_string(run.log(name)).unwrap().contains(text) {
        assert!(started.elapsed() < LONG, "{name} never wrote {text:?}");
        std::thread::yield_now();
    }
}

fn end(mut run: Supervisor) {
    run.stop_all().unwrap();
    fs::remove_dir_all(&run.dir).unwrap();
}

#[test]
fn names_are_unique_and_unknown_ones_are_refused() {
    let mut run = supervisor("names");
    run.start(shell("central", "tail -f /dev/null")).unwrap();
    assert!(run.start(shell("central", "true")).unwrap_err().to_string().contains("already"));
    assert!(run.restart("central").unwrap_err().to_string().contains("still running"));
    assert!(run.kill_9("edge").unwrap_err().to_string().contains("no program named edge"));
    end(run);
}

#[test]
fn a_killed_program_gets_no_chance_to_tidy_up_and_can_be_started_again() {
    let mut run = supervisor("kill");
    // It waits without a child: one that is about to become `tail` would miss the signal.
    let pipe = run.dir.join("never").display().to_string();
    let code = format!(
        "[ -p {pipe} ] || mkfifo {pipe}; exec 3<>{pipe}; trap 'echo tidy' EXIT; trap exit TERM; echo up; read line <&3"
    );
    run.start(shell("edge", &code)).unwrap();
    wait_for(&run, "edge", "up");
    let first = run.pid("edge").unwrap();
    run.kill_9("edge").unwrap();
    assert_eq!(run.pid("edge"), None);
    assert!(run.kill_9("edge").unwrap_err().to_string().contains("not running"));
    assert!(!fs::read_to_string(run.log("edge")).unwrap().contains("tidy"));
    run.restart("edge").unwrap();
    assert_ne!(run.pid("edge").unwrap(), first);
    end(run);
}

#[test]
fn a_kill_reaches_the_programs_own_children() {
    let mut run = supervisor("group");
    run.start(shell("sms", "tail -f /dev/null & echo up; wait")).unwrap();
    wait_for(&run, "sms", "up");
    let children = children_of(run.pid("sms").unwrap());
    assert_eq!(children.len(), 1);
    run.kill_9("sms").unwrap();
    assert!(run::is_soon_dead(&children[0].to_string()), "the child lives");
    end(run);
}

#[test]
fn programs_stop_in_reverse_order_and_may_tidy_up() {
    let mut run = supervisor("order");
    let diary = run.dir.join("diary");
    for name in ["postgres", "central", "edge"] {
        let code = format!(
            "trap 'echo {name} >> {}; exit 0' TERM; echo up; tail -f /dev/null & wait",
            diary.display()
        );
        run.start(shell(name, &code)).unwrap();
        wait_for(&run, name, "up");
    }
    run.stop_all().unwrap();
    assert_eq!(fs::read_to_string(&diary).unwrap(), "edge\ncentral\npostgres\n");
    end(run);
}

#[test]
fn a_program_that_ends_is_noticed_with_its_last_words() {
    let mut run = supervisor("ended");
    run.start(shell("central", "echo 'config: unknown key `rle`' >&2; exit 1")).unwrap();
    let port = crate::postgres::free_port().unwrap();
    let error =
        run.wait_ready("central", &format!("http://127.0.0.1:{port}/readyz"), LONG).unwrap_err().to_string();
    assert!(error.contains("central ended") && error.contains("unknown key `rle`"), "{error}");
    run.restart("central").unwrap();
    assert_eq!(run.wait_end("central", LONG).unwrap().code(), Some(1));
    end(run);
}

#[test]
fn waiting_for_a_program_that_never_gets_ready_is_bounded() {
    let mut run = supervisor("bound");
    run.start(shell("edge", "echo waiting for central; tail -f /dev/null")).unwrap();
    wait_for(&run, "edge", "waiting");
    let port = crate::postgres::free_port().unwrap();
    let url = format!("http://127.0.0.1:{port}/readyz");
    let error = run.wait_ready("edge", &url, Duration::from_millis(100)).unwrap_err().to_string();
    assert!(error.contains("was not ready") && error.contains("waiting for central"), "{error}");
    end(run);
}

#[test]
fn check_names_a_program_that_died_unasked() {
    let mut run = supervisor("check");
    run.start(shell("edge", "tail -f /dev/null")).unwrap();
    run.check().unwrap();
    run.start(shell("rider", "exit 7")).unwrap();
    let started = Instant::now();
    let error = loop {
        match run.check() {
            Ok(()) => assert!(started.elapsed() < LONG, "the death of rider was not noticed"),
            Err(error) => break error.to_string(),
        }
    };
    assert!(error.contains("rider ended by itself"), "{error}");
    end(run);
}

#[test]
fn a_program_that_died_unasked_cannot_be_killed() {
    let mut run = supervisor("dead");
    run.start(shell("edge", "exit 7")).unwrap();
    let started = Instant::now();
    while run.pid("edge").is_some() && run.check().is_ok() {
        assert!(started.elapsed() < LONG, "the death of edge was not noticed");
    }
    let error = run.kill_9("edge").unwrap_err().to_string();
    assert!(error.contains("edge had ended by itself"), "{error}");
    end(run);
}

#[test]
fn a_program_with_an_end_may_reach_it_but_not_fail() {
    let mut run = supervisor("end");
    run.start(Program { has_end: true, ..shell("load", "exit 0") }).unwrap();
    assert!(run.wait_end("load", LONG).unwrap().success());
    run.check().unwrap();
    assert!(run.wait_end("load", LONG).unwrap().success(), "its end is still known");
    run.start(Program { has_end: true, ..shell("rider", "exit 1") }).unwrap();
    assert!(!run.wait_end("rider", LONG).unwrap().success());
    assert!(run.check().unwrap_err().to_string().contains("rider ended by itself"));
    end(run);
}

#[test]
fn a_wait_ends_when_we_are_asked_to_stop() {
    let mut run = supervisor("asked");
    run.start(shell("edge", "tail -f /dev/null")).unwrap();
    run.stop.ask();
    assert!(run.wait_end("edge", LONG).unwrap_err().to_string().contains("stopped while waiting"));
    end(run);
}
