//! Acceptance tests: the promises to users, tested with the real programs and the real server.

mod adaptation;
mod alerts;
mod any_file;
mod api;
mod architecture;
mod by_hand;
mod categories;
mod contract;
mod damage;
mod decisions;
mod dependencies;
mod docs;
mod doctor;
mod faults;
mod input;
mod interruptions;

mod late_labels;
mod messages;
mod monitoring;
mod past;
mod pipes;
mod program;
mod receiver;
mod registry;
mod schema;
mod server;
mod serving;
mod shell;
mod story;
mod surroundings;
mod tree;
mod troubleshooting;
mod try_file;
mod upgrade;
mod workspace;
