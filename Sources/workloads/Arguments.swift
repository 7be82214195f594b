// SPDX-License-Identifier: MIT
//
// The command line and the ways to end, without strings: those of Swift would allocate.

import CWorkload

/// How the process ends when it cannot report.
enum ExitStatus {
    /// The command line was wrong.
    static let usage: Int32 = 64
    /// The system or the allocator under test refused something.
    static let failure: Int32 = 70
}

/// The arguments as C strings; index 0 is the program's own name.
///
/// Invariant: values[count] is nil, as the exec family wants it.
struct Arguments {
    let count: Int
    let values: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

    /// Most bytes of the arguments: what Linux grants them with the usual stack limit.
    private static let bytesMax = 2 * 1024 * 1024

    /// This process's arguments. From the kernel: Embedded Swift has no `CommandLine` on Linux.
    static func ofProcess() -> Arguments {
        var text = Text(bytesMax: bytesMax)
        let path: StaticString = "/proc/self/cmdline"
        guard text.append(fileAt: path.cString) else {
            fail("cannot read ", path.cString, status: ExitStatus.failure)
        }
        var count = 0
        for index in 0..<text.count where text.bytes[index] == 0 { count += 1 }
        let pointerBytes = (count + 1) * MemoryLayout<UnsafeMutablePointer<CChar>?>.stride
        guard let memory = workload_map(pointerBytes) else {
            fail("no memory for the arguments", status: ExitStatus.failure)
        }
        let values = memory.bindMemory(
            to: UnsafeMutablePointer<CChar>?.self, capacity: count + 1)
        var start = UnsafeMutableRawPointer(text.bytes).assumingMemoryBound(to: CChar.self)
        for index in 0..<count {
            values[index] = start
            start += strlen(start) + 1
        }
        values[count] = nil
        return Arguments(count: count, values: values)
    }

    /// The argument at `index`, or nil behind the last one.
    subscript(index: Int) -> UnsafePointer<CChar>? {
        index < count ? UnsafePointer(values[index]) : nil
    }
}

/// Whether a C string is `text`.
func matches(_ string: UnsafePointer<CChar>, _ text: StaticString) -> Bool {
    strcmp(string, text.cString) == 0
}

/// The positive number that `option` takes; ends the process when there is none.
func number(_ string: UnsafePointer<CChar>?, of option: StaticString, min: Int) -> Int {
    guard let string else {
        fail("missing number after ", option.cString, status: ExitStatus.usage)
    }
    var end: UnsafeMutablePointer<CChar>?
    let value = strtol(string, &end, 10)
    guard let end, end.pointee == 0, end > UnsafeMutablePointer(mutating: string), value >= min
    else { fail("no usable number: ", string, status: ExitStatus.usage) }
    return value
}

/// Ends the process with one line on standard error.
func fail(
    _ message: StaticString, _ detail: UnsafePointer<CChar>? = nil, status: Int32
) -> Never {
    var text = Text(bytesMax: 4096)
    text.append("workloads: ")
    text.append(message)
    if let detail { text.append(detail) }
    text.append("\n")
    text.write(to: STDERR_FILENO)
    exit(status)
}

extension StaticString {
    /// The text as a C string; literals end in a zero byte.
    var cString: UnsafePointer<CChar> {
        UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self)
    }
}
