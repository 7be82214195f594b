// SPDX-License-Identifier: MIT
//
// Runs any program under a library and reports what it cost: one line of JSON on standard output.
//
// A small process has to stand between `hak` and the program: the kernel carries the peak resident
// set of whoever calls exec over to the new program, and that of `hak` would hide small programs.

import CWorkload

/// Most bytes of /proc/PID/maps that the proof keeps.
private let mapsBytesMax = 4 * 1024 * 1024
/// How long the proof reads the maps without a pause, for programs that end at once.
private let eagerNanoseconds: UInt64 = 20_000_000
/// The pause between two readings after that.
private let pauseMicroseconds: UInt32 = 5_000

/// `program [--preload LIBRARY] [--prove] -- COMMAND ARGUMENTS`: with `--prove` the last text of
/// the program's /proc/PID/maps follows the line, and the times are not to be used.
func runProgram(_ arguments: Arguments) {
    var index = 2
    var proves = false
    unsetenv(StaticString("LD_PRELOAD").cString)
    while let argument = arguments[index], !matches(argument, "--") {
        if matches(argument, "--prove") {
            proves = true
        } else if matches(argument, "--preload"), let library = arguments[index + 1] {
            setenv(StaticString("LD_PRELOAD").cString, library, 1)
            index += 1
        } else {
            fail("unknown option of program: ", argument, status: ExitStatus.usage)
        }
        index += 1
    }
    index += 1
    guard let command = arguments[index] else {
        fail("no command after --", status: ExitStatus.usage)
    }

    var text = Text(bytesMax: 4096)
    var maps = Text(bytesMax: proves ? mapsBytesMax : 1)
    text.append("{")
    let start = monotonicNanoseconds()
    var child: pid_t = 0
    let refusal = spawnSilently(command, arguments.values + index, &child)
    if refusal != 0 {
        text.append(key: "spawn_errno", Int(refusal))
    } else {
        var status: Int32 = 0
        var usage = rusage()
        if proves { keepLastMaps(of: child, in: &maps) }
        while wait4(child, &status, 0, &usage) < 0, __errno_location().pointee == EINTR {}
        text.append(key: "wall_ns", Int(monotonicNanoseconds() - start))
        text.append(key: "status", Int(status))
        text.append(key: "user_us", microseconds(usage.ru_utime))
        text.append(key: "system_us", microseconds(usage.ru_stime))
        text.append(key: "peak_kib", Int(usage.ru_maxrss))
        text.append(key: "minor_faults", Int(usage.ru_minflt))
        text.append(key: "major_faults", Int(usage.ru_majflt))
        text.append(key: "voluntary_switches", Int(usage.ru_nvcsw))
        text.append(key: "involuntary_switches", Int(usage.ru_nivcsw))
    }
    text.closeObject()
    text.write(to: STDOUT_FILENO)
    if proves { maps.write(to: STDOUT_FILENO) }
}

/// Starts the command with its three standard files at /dev/null; an error number or 0.
private func spawnSilently(
    _ command: UnsafePointer<CChar>,
    _ values: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>, _ child: inout pid_t
) -> Int32 {
    var actions = posix_spawn_file_actions_t()
    let null = StaticString("/dev/null").cString
    posix_spawn_file_actions_init(&actions)
    for file in 0...2 {
        posix_spawn_file_actions_addopen(&actions, Int32(file), null, O_RDWR, 0)
    }
    return posix_spawnp(&child, command, &actions, nil, values, workload_environment())
}

/// Reads the maps over and over until the program has ended; the last text stays in `maps`.
private func keepLastMaps(of child: pid_t, in maps: inout Text) {
    var path = Text(bytesMax: 64)
    path.append("/proc/")
    path.append(Int(child))
    path.append("/maps")
    path.append(byte: 0)
    let name = UnsafeRawPointer(path.bytes).assumingMemoryBound(to: CChar.self)
    var latest = Text(bytesMax: mapsBytesMax)
    let start = monotonicNanoseconds()
    while true {
        latest.removeAll()
        // A program that has ended has a readable, empty text.
        guard latest.append(fileAt: name), latest.count > 0 else { return }
        swap(&maps, &latest)
        if monotonicNanoseconds() - start > eagerNanoseconds { usleep(pauseMicroseconds) }
    }
}

private func microseconds(_ time: timeval) -> Int {
    Int(time.tv_sec) * 1_000_000 + Int(time.tv_usec)
}
