// SPDX-License-Identifier: MIT
//
// A program run to its end, with what it wrote and how it ended.
//
// Output goes to unlinked files, not to pipes: nothing can fill up, and a grandchild that keeps
// the file open delays nobody. Each child leads a process group, which is killed at its timeout.

import Foundation
import Glibc

/// How a program ended.
enum Ending: Equatable {
    case exited(Int32)
    case signaled(Int32)
    case timedOut
}

/// What a program left behind.
struct Outcome {
    let ending: Ending
    let output: String
    let errors: String

    var isSuccess: Bool { ending == .exited(0) }
}

/// A program to run: its words, and what surrounds it.
struct Command {
    /// Seconds after which a child counts as hung.
    static let secondsMax = 180

    var words: [String]
    /// Added to the environment of the tests, from which everything about malloc is removed.
    var environment: [String: String] = [:]
    var input = ""
    var directory = "/"
    var secondsMax = Command.secondsMax

    init(_ words: [String]) { self.words = words }

    /// Runs the program and waits for it.
    func run() -> Outcome {
        let input = UnlinkedFile(contents: self.input)
        let output = UnlinkedFile()
        let errors = UnlinkedFile()
        guard let program = Command.find(words[0]) else {
            return Outcome(ending: .exited(127), output: "", errors: "\(words[0]): not installed")
        }
        let child = spawn(program, standardFiles: [input, output, errors].map(\.descriptor))
        let ending = child.map { Command.wait(for: $0, secondsMax) } ?? .exited(126)
        return Outcome(ending: ending, output: output.contents, errors: errors.contents)
    }

    /// Where a program lies, by PATH unless the name has a slash.
    static func find(_ name: String) -> String? {
        if name.contains("/") { return access(name, X_OK) == 0 ? name : nil }
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return path.split(separator: ":").map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    private func spawn(_ program: String, standardFiles: [Int32]) -> pid_t? {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (number, descriptor) in standardFiles.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(number))
        }
        Hidden.changeDirectory(&actions, directory)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // The threads that tests run on block most signals; a child must not inherit that.
        var mask = sigset_t()
        sigemptyset(&mask)
        posix_spawnattr_setsigmask(&attributes, &mask)
        let flags = POSIX_SPAWN_SETPGROUP | Int32(POSIX_SPAWN_SETSIGMASK)
        posix_spawnattr_setflags(&attributes, Int16(flags))

        let arguments = words.map { strdup($0) } + [nil]
        let variables = mergedEnvironment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in arguments + variables { free(text) } }
        var child = pid_t()
        let status = posix_spawn(&child, program, &actions, &attributes, arguments, variables)
        return status == 0 ? child : nil
    }

    private var mergedEnvironment: [String: String] {
        let inherited = ProcessInfo.processInfo.environment.filter { name, _ in
            !name.hasPrefix("HAKMEM_") && !name.hasPrefix("MALLOC_") && !name.hasPrefix("LD_")
                && name != "GLIBC_TUNABLES" && name != "PYTHONMALLOC"
        }
        return inherited.merging(["LC_ALL": "C.UTF-8", "TZ": "UTC"]) { $1 }
            .merging(environment) { $1 }
    }

    private static func wait(for child: pid_t, _ secondsMax: Int) -> Ending {
        let end = Hidden.endDescriptor(of: child)
        defer { close(end) }
        var ready = pollfd(fd: end, events: Int16(POLLIN), revents: 0)
        let hasEnded = poll(&ready, 1, Int32(secondsMax) * 1000) > 0
        // Whatever is left of the group goes too, also after a normal end.
        kill(-child, SIGKILL)
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        guard hasEnded else { return .timedOut }
        return status & 0x7f == 0 ? .exited(status >> 8 & 0xff) : .signaled(status & 0x7f)
    }
}

/// Calls of glibc's that its Swift module does not show.
private enum Hidden {
    static func endDescriptor(of child: pid_t) -> Int32 {
        typealias Open = @convention(c) (pid_t, UInt32) -> Int32
        return function("pidfd_open", as: Open.self)(child, 0)
    }

    static func changeDirectory(
        _ actions: inout posix_spawn_file_actions_t, _ directory: String
    ) {
        typealias Add = @convention(c) (UnsafeMutableRawPointer, UnsafePointer<CChar>) -> Int32
        let add = function("posix_spawn_file_actions_addchdir_np", as: Add.self)
        _ = add(&actions, directory)
    }

    private static func function<Function>(_ name: String, as type: Function.Type) -> Function {
        guard let symbol = dlsym(nil, name) else { fatalError("libc has no \(name)") }
        return unsafeBitCast(symbol, to: type)
    }
}

/// A file without a name, which goes when it is closed.
private final class UnlinkedFile {
    let descriptor: Int32

    init(contents: String = "") {
        var path = Array("/tmp/hakmem-test-XXXXXX".utf8CString)
        descriptor = mkstemp(&path)
        precondition(descriptor >= 0, "no temporary file")
        unlink(path)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        let bytes = Array(contents.utf8)
        precondition(write(descriptor, bytes, bytes.count) == bytes.count)
        lseek(descriptor, 0, SEEK_SET)
    }

    deinit { close(descriptor) }

    /// What was written to it.
    var contents: String {
        lseek(descriptor, 0, SEEK_SET)
        return String(
            decoding: FileHandle(fileDescriptor: descriptor).readDataToEndOfFile(),
            as: UTF8.self)
    }
}
