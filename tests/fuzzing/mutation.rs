//! Variations of known inputs: small changes at random, the same in every run.

/// Where every run begins.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
/// The most changes from a known input to a variation.
const CHANGES_MAX: usize = 4;
/// The longest variation, in bytes.
const BYTES_MAX: usize = 4_096;
/// Words of what is fuzzed, as cargo-fuzz reads them.
const WORDS: &str = include_str!("../../fuzz/words.dict");
const NUMBERS: [&str; 9] =
    ["0", "-1", "1e308", "18446744073709551616", "9223372036854775807", "0.1", "-0.0", "1e-400", "4294967296"];

/// Makes variations of what it knows.
pub(crate) struct Mutator {
    known: Vec<Vec<u8>>,
    words: Vec<Vec<u8>>,
    state: u64,
}

impl Mutator {
    pub(crate) fn new(known: Vec<Vec<u8>>) -> Self {
        let lines = WORDS.lines().filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'));
        let words = lines.map(|word| word.replace("\\\"", "\"").replace("\\\\", "\\").into_bytes()).collect();
        Self { known, words, state: SEED }
    }

    /// A variation of one of the known inputs.
    pub(crate) fn variation(&mut self) -> Vec<u8> {
        let mut input = self.known_one();
        for _ in 0..=self.below(CHANGES_MAX) {
            self.change(&mut input);
        }
        input.truncate(BYTES_MAX);
        input
    }

    /// Takes `input` to be varied too.
    pub(crate) fn learn(&mut self, input: Vec<u8>) {
        self.known.push(input);
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let from = self.below(input.len() + 1);
        let to = (from + self.below(16)).min(input.len());
        match self.below(9) {
            0 => {
                let bit = self.below(8);
                input.get_mut(from).into_iter().for_each(|byte| *byte ^= 1 << bit);
            }
            1 => {
                let new = self.below(256) as u8;
                input.get_mut(from).into_iter().for_each(|byte| *byte = new);
            }
            2 => drop(input.drain(from..to)),
            3 => {
                let part = input[from..to].to_vec();
                drop(input.splice(from..from, part));
            }
            4 => {
                let place = self.below(self.words.len());
                let word = self.words[place].clone();
                drop(input.splice(from..from, word));
            }
            5 => self.change_number(input, from),
            6 => {
                let other = self.known_one();
                let tail = other[self.below(other.len() + 1)..].to_vec();
                drop(input.splice(from.., tail));
            }
            7 => {
                input.push(0xff);
                input.extend(self.known_one());
            }
            _ => {
                let new = self.below(256) as u8;
                input.insert(from, new);
            }
        }
    }

    /// Puts another number in the place of the first one behind `from`.
    fn change_number(&mut self, input: &mut Vec<u8>, from: usize) {
        let Some(first) = input[from..].iter().position(u8::is_ascii_digit) else { return };
        let digits = input[from + first..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = NUMBERS[self.below(NUMBERS.len())];
        drop(input.splice(from + first..from + first + digits, number.bytes()));
    }

    fn known_one(&mut self) -> Vec<u8> {
        let place = self.below(self.known.len());
        self.known[place].clone()
    }

    /// A number from 0 to `end`, without it.
    fn below(&mut self, end: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state % end.max(1) as u64) as usize
    }
}
