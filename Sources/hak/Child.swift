// SPDX-License-Identifier: MIT
//
// A child process whose output is collected. The caller waits: there is one child at a time.

import Glibc

/// How a child ended and what it printed.
struct Child {
    /// The status of waitpid.
    let status: Int32
    let output: [UInt8]
    let errors: String

    /// Whether it exited with status 0.
    var succeeded: Bool { status == 0 }

    /// How it ended, for people.
    var ending: String { Self.ending(of: status) }

    /// A status of waitpid in words.
    static func ending(of status: Int32) -> String {
        let signal = status & 0x7F
        if signal == 0 { return "exit status \(status >> 8 & 0xFF)" }
        return "signal \(signal) (\(String(cString: strsignal(signal))))"
    }

    /// Runs `path` to its end with exactly this environment, or kills it after `secondsMax`.
    /// Standard input is empty.
    static func run(
        _ path: String, _ arguments: [String], environment: [String: String],
        secondsMax: Double? = nil
    ) throws -> Child {
        let output = try Pipe()
        let errors = try Pipe()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output.write, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, errors.write, STDERR_FILENO)

        var process: pid_t = 0
        let refusal = withStrings([path] + arguments) { values in
            withStrings(environment.map { "\($0)=\($1)" }) { variables in
                posix_spawn(&process, path, &actions, nil, values, variables)
            }
        }
        close(output.write)
        close(errors.write)
        defer {
            close(output.read)
            close(errors.read)
        }
        guard refusal == 0 else {
            throw Failure("cannot start '\(path)': \(errorText(refusal))")
        }
        let (printed, complaints) = collect(output.read, errors.read, secondsMax) {
            kill(process, SIGKILL)
        }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return Child(
            status: status, output: printed, errors: String(decoding: complaints, as: UTF8.self))
    }

    /// Both ends of a pipe; no other child inherits them.
    private struct Pipe {
        let read: Int32
        let write: Int32

        init() throws {
            var ends: [Int32] = [0, 0]
            guard pipe(&ends) == 0 else {
                throw Failure("cannot make a pipe: \(errorText(errno)); raise `ulimit -n`")
            }
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            (read, write) = (ends[0], ends[1])
        }
    }

    /// Reads two files to their ends, whichever has something first. When nothing comes for
    /// `secondsMax`, calls `giveUp`, which makes them end.
    private static func collect(
        _ first: Int32, _ second: Int32, _ secondsMax: Double?, giveUp: () -> Void
    ) -> ([UInt8], [UInt8]) {
        var waiting = [
            pollfd(fd: first, events: Int16(POLLIN), revents: 0),
            pollfd(fd: second, events: Int16(POLLIN), revents: 0),
        ]
        var texts: [[UInt8]] = [[], []]
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while waiting.contains(where: { $0.fd >= 0 }) {
            let ready = poll(&waiting, 2, secondsMax.map { Int32($0 * 1000) } ?? -1)
            guard ready >= 0 || errno == EINTR else { break }
            if ready == 0 { giveUp() }
            for index in 0...1 where waiting[index].fd >= 0 && waiting[index].revents != 0 {
                let got = read(waiting[index].fd, &chunk, chunk.count)
                // poll passes over negative files.
                if got > 0 { texts[index] += chunk[..<got] } else { waiting[index].fd = -1 }
            }
        }
        return (texts[0], texts[1])
    }

    /// Calls `body` with C strings and the nil behind them.
    private static func withStrings(
        _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Int32
    ) -> Int32 {
        var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        pointers.append(nil)
        return body(pointers)
    }
}
