// SPDX-License-Identifier: MIT
//
// What the kernel says of this process, read without allocating much.

import Glibc

/// A figure of /proc/self/status in KiB, by its name there (VmRSS, VmHWM, VmSize).
func processFigureKiB(_ name: String) -> Int {
    let text = readWhole("/proc/self/status")
    for line in text.split(separator: "\n") where line.hasPrefix(name + ":") {
        let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
        if words.count > 1, let value = Int(words[1]) { return value }
    }
    fail("no \(name) in /proc/self/status")
}

/// The text of a file, which may be one of /proc's without a size.
func readWhole(_ path: String) -> String {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { fail("cannot open \(path): errno \(errno)") }
    defer { close(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16 * 1024)
    while true {
        let count = read(file, &chunk, chunk.count)
        if count <= 0 { break }
        bytes.append(contentsOf: chunk[..<count])
    }
    return String(decoding: bytes, as: UTF8.self)
}
