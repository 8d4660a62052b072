import type { Reporter, TestModule } from 'vitest/node';

/** Lists, at the end of a run, every test that passed only at a second try: each is a fault of the product or the test. */
export class SecondTries implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const found: string[] = [];
    for (const module of modules)
      for (const test of module.children.allTests('passed')) {
        const retries = test.diagnostic()?.retryCount ?? 0;
        if (retries > 0) found.push(`  ${module.relativeModuleId}: ${test.fullName}`);
      }
    if (found.length === 0) return;
    process.stdout.write(`\nPassed only at a second try (${found.length}):\n${found.join('\n')}\n`);
  }
}
