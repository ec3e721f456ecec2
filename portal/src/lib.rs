//! The central portal: terminals hand in events, phones land on it, officials answer on it.

pub mod api;
pub mod app;
pub mod cli;
pub mod domain;
pub mod i18n;
pub mod platform;
pub mod server;
pub mod services;
pub mod storage;
pub mod web;
