//! What a user may rely on, tested against the real programs and the real server.

mod architecture;
mod by_hand;
mod damage;
mod faults;
mod input;
mod program;
mod server;
mod serving;
mod story;
mod surroundings;
mod upgrade;
mod workspace;
