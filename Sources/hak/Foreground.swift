// SPDX-License-Identifier: MIT
//
// A child that has the terminal: it reads and writes what the tool would, and signals of the
// keyboard are for it.

import Glibc

enum Foreground {
    private static let lookMs = 100

    /// Runs `path` with these words to its end; gives the status of waitpid. `meanwhile` is called
    /// several times a second, and once more at the end.
    static func run(
        _ path: String, _ words: [String], environment: [String: String],
        meanwhile: (() -> Void)? = nil
    ) throws -> Int32 {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // The tool lets keyboard signals pass while it waits; the child must not inherit that.
        var defaults = sigset_t()
        sigemptyset(&defaults)
        for number in [SIGINT, SIGQUIT] { sigaddset(&defaults, number) }
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))

        let before = [SIGINT, SIGQUIT].map { ($0, signal($0, SIG_IGN)) }
        defer { for (number, handler) in before { signal(number, handler) } }
        var process: pid_t = 0
        var values: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] =
            environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in values + variables { free(text) } }
        let refusal = posix_spawn(&process, path, nil, &attributes, &values, &variables)
        guard refusal == 0 else {
            throw Failure("cannot start '\(path)': \(errorText(refusal))")
        }
        var status: Int32 = 0
        if let meanwhile {
            var pause = timespec(tv_sec: 0, tv_nsec: lookMs * 1_000_000)
            while waitpid(process, &status, WNOHANG) == 0 {
                nanosleep(&pause, nil)
                meanwhile()
            }
            meanwhile()
        } else {
            while waitpid(process, &status, 0) < 0, errno == EINTR {}
        }
        return status
    }
}
