// SPDX-License-Identifier: MIT

import Glibc

/// The bytes of a file, mapped for reading; they go with their owner.
final class MappedFile {
    let bytes: UnsafeRawBufferPointer

    init(path: String) throws {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            throw Failure("cannot read '\(path)': \(errorText(errno)); give the path of a file")
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw Failure("'\(path)' is no regular file; give the path of one")
        }
        let count = Int(status.st_size)
        guard count > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        let start = mmap(nil, count, PROT_READ, MAP_PRIVATE, file, 0)
        guard let start, start != MAP_FAILED else {
            throw Failure("cannot map '\(path)': \(errorText(errno))")
        }
        bytes = UnsafeRawBufferPointer(start: start, count: count)
    }

    deinit {
        if let start = bytes.baseAddress {
            munmap(UnsafeMutableRawPointer(mutating: start), bytes.count)
        }
    }
}
