/** The secret that test servers are given, and test tokens are signed with. */
export const TEST_SECRET = "a-secret-for-tests-of-at-least-32-bytes";
