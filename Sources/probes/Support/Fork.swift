// SPDX-License-Identifier: MIT
//
// fork for probes.

import Glibc

/// Seconds after which a child that does not end is taken for hung.
private let childSecondsMax: UInt32 = 60

/// Forks. The child is killed by its alarm if it hangs, which the parent then reports.
func forkProcess() -> pid_t {
    typealias Fork = @convention(c) () -> pid_t
    guard let symbol = dlsym(nil, "fork") else { fail("no fork") }
    let child = unsafeBitCast(symbol, to: Fork.self)()
    if child < 0 { fail("fork: errno \(errno)") }
    if child == 0 { alarm(childSecondsMax) }
    return child
}
