//! What a user may rely on, tested against the real programs and the real server.

mod alerts;
mod api;
mod architecture;
mod by_hand;
mod categories;
mod contract;
mod damage;
mod dependencies;
mod doctor;
mod faults;
mod input;
mod interruptions;
mod late_labels;
mod monitoring;
mod program;
mod receiver;
mod registry;
mod schema;
mod server;
mod serving;
mod shell;
mod story;
mod surroundings;
mod troubleshooting;
mod upgrade;
mod workspace;
