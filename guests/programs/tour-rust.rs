// The tour (README.md): what a program does with WASI, through Rust's standard library.
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::{copy, stdin, stdout};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{env, fs, process};

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}

fn copy_input() {
    copy(&mut stdin(), &mut stdout()).expect("stdin to stdout");
}

fn use_files() {
    println!("read: {}", fs::read_to_string("/data/input.txt").expect("input.txt"));
    fs::write("/data/output.txt", "written").expect("output.txt");
    let entries = fs::read_dir("/data").expect("/data");
    let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    for name in names {
        println!("file: {name}");
    }
}

fn main() {
    if let Ok(method) = env::var("REQUEST_METHOD") {
        println!("content-type: text/plain\n\n{method} {} {}", variable("PATH_INFO"), variable("QUERY_STRING"));
        return copy_input();
    }
    for argument in env::args().skip(1) {
        println!("argument: {argument}");
    }
    println!("GREETING: {}", variable("GREETING"));
    copy_input();
    eprintln!("to stderr");
    use_files();
    if RandomState::new().build_hasher().finish() != 0 {
        println!("random: ok");
    }
    if SystemTime::now().duration_since(UNIX_EPOCH).expect("a time") > Duration::from_secs(1_600_000_000) {
        println!("clock: ok");
    }
    process::exit(3);
}
