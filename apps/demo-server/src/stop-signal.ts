/** Ctrl-C reaches a command under a task runner twice: from the terminal and from the runner. This is still one. */
const ONE_KEYSTROKE_MS = 1000;

/** Resolves on the first SIGINT or SIGTERM. Another one later ends the process at once. */
export function onStopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let first: number | undefined;
    const onSignal = (): void => {
      if (first !== undefined && performance.now() - first > ONE_KEYSTROKE_MS) process.exit(1);
      first ??= performance.now();
      resolve();
    };
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  });
}
