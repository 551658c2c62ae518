// What a program can learn of itself, and starting itself by that.
use std::process::Command;
use std::{env, fs, panic, process, thread};

fn main() {
    if let Some(word) = env::args().nth(1) {
        println!("{}", word);
        process::exit(3);
    }
    let path = env::current_exe().unwrap();
    println!("{}", path.display());
    println!("{}", fs::read_link("/proc/self/exe").unwrap() == path);
    println!("{}", Command::new(&path).arg("child").status().unwrap());
    println!("{}", Command::new("/proc/self/exe").arg("by its link").status().unwrap());
    let threads: Vec<_> = (0..4).map(|i| thread::spawn(move || i * i)).collect();
    let sum: i32 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    println!("{}", sum);
    println!("{}", panic::catch_unwind(|| panic!("a panic")).is_err());
}
