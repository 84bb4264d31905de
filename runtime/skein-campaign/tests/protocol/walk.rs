//! Random walks through a system that is too large to see whole.

use stateright::{Expectation, Model};

use crate::model::{Protocol, Step};

/// The generator of Steele, Lea and Flood ("Fast splittable pseudorandom number generators", 2014): the same everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }
}

/// Walks from the start until nothing can happen, again and again, until so many states were seen.
pub(crate) fn walk(protocol: &Protocol, seed: u64, states: usize) {
    let (mut dice, mut seen, mut walks, mut longest) = (Dice(seed), 0, 0, 0);
    while seen < states {
        let length = once(protocol, &mut dice, seed);
        (seen, walks, longest) = (seen + length, walks + 1, longest.max(length));
    }
    println!("{protocol}: {seen} states in {walks} walks from seed {seed}, the longest of {longest} steps");
}

fn once(protocol: &Protocol, dice: &mut Dice, seed: u64) -> usize {
    let properties = protocol.properties();
    let always: Vec<_> = properties.iter().filter(|p| p.expectation == Expectation::Always).collect();
    let mut system = protocol.init_states().swap_remove(0);
    let mut way: Vec<Step> = Vec::new();
    loop {
        let broken = always.iter().find(|property| !(property.condition)(protocol, &system));
        if let Some(property) = broken {
            panic!("seed {seed}: not always {:?}: {way:#?}\n{system:#?}", property.name);
        }
        let mut steps = Vec::new();
        protocol.actions(&system, &mut steps);
        let next = loop {
            if steps.is_empty() {
                return way.len();
            }
            let step = steps.swap_remove(dice.below(steps.len()));
            if let Some(next) = protocol.next_state(&system, step.clone()) {
                way.push(step);
                break next;
            }
        };
        system = next;
    }
}
