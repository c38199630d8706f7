//! What is right, one file an exercise.

mod cmpu_guess;
mod cmpu_tcp_echo;
mod cmpu_udp_echo;
mod co223_task01;
mod co223_task02;
mod co223_task03;
mod codio_echo;
mod dsd_eof;
mod dsd_hello;
mod dsd_sum;
mod portscan;
mod transparency_middleware;
mod transparency_socket1;
mod transparency_socket2;
mod transparency_socket3;
mod transparency_socket4;
mod transparency_socket5;

use lab_judge::exercise::Exercise;

/// All exercises, in the order of the index. A new one is a file, and its line here.
pub static EXERCISES: &[&Exercise] = &[
    &codio_echo::EXERCISE,
    &co223_task01::EXERCISE,
    &co223_task02::EXERCISE,
    &co223_task03::EXERCISE,
    &dsd_hello::EXERCISE,
    &dsd_sum::EXERCISE,
    &dsd_eof::EXERCISE,
    &transparency_socket1::EXERCISE,
    &transparency_socket2::EXERCISE,
    &transparency_socket3::EXERCISE,
    &transparency_socket4::EXERCISE,
    &transparency_socket5::EXERCISE,
    &transparency_socket5::SOCKET6,
    &transparency_middleware::EXERCISE,
    &portscan::EXERCISE,
    &cmpu_tcp_echo::EXERCISE,
    &cmpu_udp_echo::EXERCISE,
    &cmpu_guess::EXERCISE,
];
