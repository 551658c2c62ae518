fn count(words: impl Iterator<Item = String>) -> usize {
    words.count()
}

fn main() {
    println!("{} words, {}", count(std::env::args().skip(1)), env!("ANSWER"));
}

#[test]
fn counts() {
    assert_eq!(count(["a".to_string()].into_iter()), 1);
}

#[test]
fn starts_itself() {
    let own = std::env::current_exe().unwrap();
    let list = std::process::Command::new(own).arg("--list").output().unwrap();
    assert!(list.status.success());
}
