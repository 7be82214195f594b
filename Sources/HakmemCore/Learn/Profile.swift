// SPDX-License-Identifier: MIT
//
// A profile: what a run learnt, as text that a person can read and edit, and the next run starts
// from. One item a line, in any order between the first and the last:
//
//   hakmem-profile 1                                the format's version
//   program 0x8c4b1f00d2a6e913                      whose it is: a key of the program file
//   strategy large-keeper                           the champion
//   rating large-keeper 1612 34                     a strategy's rating and its samples
//   rule libfoo.so.1+0x1a2b3c bigcache 0            a site in its module, route, growth percent
//   # what a person wants to note
//   check 0x51a2…                                   over all bytes above
//
// Whoever edits it writes `check edited`. A file without its last line was cut off.

/// An item of a profile.
package enum ProfileItem {
    case program(UInt64)
    /// The number of a strategy.
    case strategy(Int)
    case rating(strategy: Int, rating: Int, samples: Int)
    case rule(ProfileSite, SiteRule)
}

/// A call site that survives the next start: a module's file name and an offset into it.
package struct ProfileSite {
    /// Bytes of the text being read, or whatever the writer was given. Not owned.
    package let module: UnsafeBufferPointer<UInt8>
    package let offset: UInt64

    package init(module: UnsafeBufferPointer<UInt8>, offset: UInt64) {
        self.module = module
        self.offset = offset
    }
}

/// Why a profile is refused.
package enum ProfileError: UInt8 {
    case notAProfile = 0
    case version, unknownItem, badNumber, badName, missingField, extraField, badOffset, tooLong
    case twice, noProgram, noCheck, wrongCheck, afterCheck

    package var text: StaticString {
        switch self {
        case .notAProfile: "this is not a hakmem profile"
        case .version: "a version that this hakmem does not know"
        case .unknownItem: "an item that there is not"
        case .badNumber: "not a number, or one out of its range"
        case .badName: "a name that there is not"
        case .missingField: "a field is missing"
        case .extraField: "more than belongs on the line"
        case .badOffset: "a site is MODULE+0xOFFSET"
        case .tooLong: "a line or a file that is too long"
        case .twice: "given twice"
        case .noProgram: "it does not say whose profile it is"
        case .noCheck: "it ends before its check line: it was cut off"
        case .wrongCheck: "the check does not fit: damaged, or edited without 'check edited'"
        case .afterCheck: "something follows the check line"
        }
    }
}

package enum Profile {
    package static let version = 1
    /// Bounds that the reader enforces and the writer keeps.
    package static let bytesMax = 256 * 1024
    package static let moduleBytesMax = 120
    package static let ratingMax = 9999
    package static let samplesMax = 999_999

    static let checkStart: UInt64 = 0xCBF2_9CE4_8422_2325

    /// FNV-1a, a byte further: enough against damage, and nothing is secured by it.
    static func check(_ sum: UInt64, _ byte: UInt8) -> UInt64 {
        (sum ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
    }
}
