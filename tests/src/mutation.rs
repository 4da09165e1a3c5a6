//! Mutations of inputs: parts are flipped, cut, joined and filled with tokens on which readers
//! fail.
//!
//! The mutations know no format and are the same for every reader.

use crate::draws::Draws;

/// Maximum length of an input, in bytes. Large inputs are not tested here.
const LONGEST: usize = 64 * 1024;
/// Maximum number of changes to one input.
const MAX_CHANGES: u32 = 8;

/// Byte sequences with a meaning for some reader.
const TOKENS: [&[u8]; 50] = [
    b"\"",
    b"\"\"",
    b",",
    b"\n",
    b"\r",
    b"\r\n",
    b"\0",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xc3\xa9",
    b"\xc3",
    b"\xe2\x80\xae",
    b" ",
    b"\t",
    b"<",
    b"NaN",
    b"null",
    b"true",
    b"inf",
    b"1e999",
    b"-1e308",
    b"1e308",
    b"1e-400",
    b"-0",
    b"0x1F",
    b"12 k",
    b"9223372036854775808",
    b"18446744073709551616",
    b"-1",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b"{\"a\":",
    b"\\u0000",
    b"\\ud800",
    b"..",
    b"/",
    b"../",
    b".csv",
    b".csv.gz",
    b"\x1f\x8b\x08\x00",
    b"\r\n\r\n",
    b"\x7f\xf8\x00\x00\x00\x00\x00\x00",
    b"\x7f\xef\xff\xff\xff\xff\xff\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x80\x00\x00\x00\x00\x00\x00\x00",
    b"\xdd\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff",
];
/// Bytes that open a level of nesting in some format.
const OPENINGS: [&[u8]; 4] = [b"[", b"{\"a\":", b"\x91", b"\x81\xa1a"];

/// A maker of inputs by mutation of seeds.
pub(crate) struct Mutator<'s> {
    seeds: &'s [Vec<u8>],
    draws: Draws,
}

impl<'s> Mutator<'s> {
    /// A mutator of `seeds`, of which there must be one. Equal seeds and states give equal inputs.
    pub(crate) fn new(seeds: &'s [Vec<u8>], state: u64) -> Self {
        Self {
            seeds,
            draws: Draws { state },
        }
    }

    /// The next input.
    pub(crate) fn input(&mut self) -> Vec<u8> {
        let mut input = self.seed().to_vec();
        if self.draws.below(4) == 0 {
            let other = self.seed();
            let from = self.place(other.len());
            let at = self.place(input.len());
            input.truncate(at);
            input.extend(&other[from..]);
        }
        for _ in 0..=self.draws.skewed(MAX_CHANGES) {
            self.change(&mut input);
        }
        input.truncate(LONGEST);
        input
    }

    fn seed(&mut self) -> &'s [u8] {
        let position = self.draws.below(self.seeds.len() as u32);
        &self.seeds[position as usize]
    }

    /// A position in a sequence of this length, or at its end.
    fn place(&mut self, length: usize) -> usize {
        self.draws.below(length as u32 + 1) as usize
    }

    /// A range in a sequence of this length, mostly short.
    fn part(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.place(length);
        let rest = (length - start) as u32;
        start..start + self.draws.skewed(rest + 1) as usize
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.place(input.len());
        let part = self.part(input.len());
        match self.draws.below(12) {
            0 | 1 => {
                let bit = self.draws.below(8);
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
            2 => {
                let byte = self.draws.below(256) as u8;
                input.insert(at, byte);
            }
            3 => drop(input.drain(part)),
            4 => input.truncate(at),
            5 => insert(input, at, self.draws.pick(&TOKENS)),
            6 => {
                let token = self.draws.pick(&TOKENS);
                let end = input.len().min(at + token.len());
                input.splice(at..end, token.iter().copied());
            }
            7 => {
                let copied = input[part].to_vec();
                insert(input, at, &copied);
            }
            8 => self.replace_number(input, at),
            9 => {
                let times = 1 << self.draws.below(13);
                let copied = self.draws.pick(&OPENINGS).repeat(times);
                insert(input, at, &copied);
            }
            10 => {
                let times = 1 << self.draws.below(14);
                let byte = *input.get(at).unwrap_or(&b'x');
                insert(input, at, &vec![byte; times]);
            }
            _ => input[part].reverse(),
        }
    }

    /// Replaces the first number at or after a position by another number.
    fn replace_number(&mut self, input: &mut Vec<u8>, at: usize) {
        let is_digit = |byte: &u8| byte.is_ascii_digit();
        let Some(start) = input[at..].iter().position(is_digit) else {
            return;
        };
        let start = at + start;
        let digits = input[start..].iter().take_while(|byte| is_digit(byte));
        let end = start + digits.count();
        let number = match self.draws.below(3) {
            0 => self.draws.below(3).to_string(),
            1 => (1u128 << self.draws.below(127)).to_string(),
            _ => format!("{}e{}", self.draws.below(10), self.draws.below(400)),
        };
        input.splice(start..end, number.into_bytes());
    }
}

fn insert(input: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    input.splice(at..at, bytes.iter().copied());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_state_gives_the_same_inputs_and_another_gives_others() {
        let seeds = [b"a,1,2\n".to_vec(), Vec::new()];
        let inputs = |state| {
            let mut mutator = Mutator::new(&seeds, state);
            (0..200).map(|_| mutator.input()).collect::<Vec<_>>()
        };
        assert_eq!(inputs(1), inputs(1));
        assert_ne!(inputs(1), inputs(2));
        assert!(inputs(1).iter().all(|input| input.len() <= LONGEST));
    }
}
