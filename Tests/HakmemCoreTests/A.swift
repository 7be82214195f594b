import Testing
@testable import HakmemCoreHosted
@Test func a() { #expect(hakAlloc(1) == nil) }
