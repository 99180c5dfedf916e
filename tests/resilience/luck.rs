//! Random schedules from a seed: the generator, and running many of them side by side.

use std::env;

use tests::Stack;

/// How many schedules run concurrently, each on a stack of its own, as they advance its clock.
const LANES: u64 = 8;

/// A deterministic random generator (`SplitMix64`).
pub(crate) struct Luck(u64);

impl Luck {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap()
    }

    pub(crate) fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.index(choices.len())]
    }
}

/// Prints the seed of a schedule that fails.
struct Running(u64);

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("SEED={}", self.0);
        }
    }
}

/// Runs as many schedules as the environment variable `count` says, or else `default`, from the seed `SEED`.
pub(crate) async fn run<F: Future<Output = ()> + Send + 'static>(
    count: &str,
    default: u64,
    schedule: impl Fn(&'static Stack, u64) -> F + Copy + Send + 'static,
) {
    let number = |name: &str, default: u64| env::var(name).map_or(default, |text| text.parse().unwrap());
    let (schedules, first) = (number(count, default), number("SEED", 1));
    let lanes = (0..LANES).map(|lane| {
        tokio::spawn(async move {
            // A lane has one stack to its end. In every other one new users get numbers.
            let ids = if lane % 2 == 0 { "random" } else { "numbers" };
            let stack: &'static Stack = Box::leak(Box::new(Stack::with_setting("USER_IDS", ids).await));
            for seed in (first..first + schedules).filter(|seed| seed % LANES == lane) {
                let _running = Running(seed);
                schedule(stack, seed).await;
            }
        })
    });
    let lanes: Vec<_> = lanes.collect();
    for lane in lanes {
        lane.await.unwrap();
    }
    println!("{count}: {schedules}, from seed {first}");
}
