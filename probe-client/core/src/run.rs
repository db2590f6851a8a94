//! The decisions of a run: which packets are sent next, which server is asked which question, and what the answers say
//! about each probe. The shell carries them out.

pub mod answer;
pub mod budget;
pub mod control_order;
pub mod description;
pub mod flow_order;
pub mod instances;
pub mod outage;
pub mod port_board;
pub mod question;
pub mod rate;
pub mod schedule;
pub mod second_look;
pub mod server_result;
pub mod survey_order;
pub mod syns;
