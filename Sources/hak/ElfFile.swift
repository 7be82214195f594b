// SPDX-License-Identifier: MIT
//
// The few fields of an ELF file that decide whether the loader can preload into it, or it.
//
//   0  magic 7f 'E' 'L' 'F' · class (2 = 64 bits) · byte order (1 = little)
//  16  type (2 = fixed address, 3 = shared object or position-independent program)
//  18  machine (62 = x86-64, 183 = AArch64)
//  32  offset of the program headers · 54 size of one · 56 count
//
//  Program header: 0 type (2 = dynamic, 3 = interpreter) · 8 offset · 32 bytes in the file

/// What kind of object a file is.
struct ElfFile: Equatable {
    /// Whether addresses have 64 bits.
    let is64Bit: Bool
    let machine: UInt16
    /// The loader that the file asks for; nil for libraries and static programs.
    let interpreter: String?
    /// Whether it has a dynamic section: false for programs that are wholly static.
    let isDynamic: Bool

    /// Names of the machines that hakmem is likely to meet, by their ELF number.
    private static let machineNames: [UInt16: String] = [
        3: "x86", 40: "ARM", 62: "x86-64", 183: "AArch64", 243: "RISC-V",
    ]

    /// The machine's name for people.
    var machineName: String { Self.machineNames[machine] ?? "machine \(machine)" }

    /// Whether the program's loader is musl's, which does not run libraries made for glibc.
    var usesMusl: Bool { interpreter?.contains("ld-musl") ?? false }

    /// Nil when `bytes` does not begin a little-endian ELF file. Fields that lie behind the end
    /// of `bytes` count as absent.
    init?(_ bytes: [UInt8]) {
        guard bytes.count >= 64, bytes[0...3].elementsEqual([0x7F, 0x45, 0x4C, 0x46]),
            bytes[5] == 1
        else { return nil }
        is64Bit = bytes[4] == 2
        machine = UInt16(Self.number(in: bytes, at: 18, byteCount: 2) ?? 0)
        var interpreter: String?
        var isDynamic = false
        if is64Bit, let table = Self.number(in: bytes, at: 32, byteCount: 8),
            let stride = Self.number(in: bytes, at: 54, byteCount: 2),
            let count = Self.number(in: bytes, at: 56, byteCount: 2)
        {
            for index in 0..<count {
                let header = table &+ index &* stride
                switch Self.number(in: bytes, at: header, byteCount: 4) {
                case 2: isDynamic = true
                case 3: interpreter = Self.path(in: bytes, header: header)
                default: break
                }
            }
        }
        self.interpreter = interpreter
        self.isDynamic = isDynamic
    }

    /// The start of a file on disk; nil when it is no ELF file or cannot be read.
    init?(path: String) {
        guard let bytes = FileContents.bytes(at: path, bytesMax: 64 * 1024) else { return nil }
        self.init(bytes)
    }

    private static func path(in bytes: [UInt8], header: Int) -> String? {
        guard let offset = number(in: bytes, at: header &+ 8, byteCount: 8),
            let count = number(in: bytes, at: header &+ 32, byteCount: 8),
            offset <= bytes.count, count <= bytes.count - offset
        else { return nil }
        let text = bytes[offset..<offset + count].prefix { $0 != 0 }
        return String(decoding: text, as: UTF8.self)
    }

    /// A little-endian number; nil when it reaches behind the end or exceeds an Int.
    private static func number(in bytes: [UInt8], at offset: Int, byteCount: Int) -> Int? {
        guard offset >= 0, offset <= bytes.count - byteCount else { return nil }
        var value: UInt64 = 0
        for index in (0..<byteCount).reversed() {
            value = value << 8 | UInt64(bytes[offset + index])
        }
        return Int(exactly: value)
    }
}
