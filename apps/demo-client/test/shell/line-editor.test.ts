import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '@asyncmcp/testkit';
import { LineEditor } from '../../src/shell/line-editor.js';
import { createStyle } from '../../src/style.js';
import { Key, Keyboard, Screen, expectAll, expectEnd, expectText, expectWhen } from './support.js';
import type { Completion } from '../../src/shell/completion.js';

const NEVER = new AbortController().signal;

describe('line editor', () => {
  let keyboard: Keyboard;
  let screen: Screen;
  let editor: LineEditor;
  let saved: readonly string[];
  let interrupted: number;
  let isBusy: boolean;

  function open({
    complete = (_line: string): Completion => ({ insert: '', choices: [] }),
    history = [] as string[],
  } = {}): void {
    keyboard = new Keyboard();
    screen = new Screen();
    saved = [];
    interrupted = 0;
    isBusy = false;
    editor = new LineEditor({
      input: keyboard,
      output: screen,
      style: createStyle(true),
      complete,
      history,
      onHistory: (lines) => (saved = lines),
      onInterrupt: () => {
        interrupted++;
        return isBusy;
      },
    });
  }

  beforeEach(() => open());

  afterEach(() => {
    editor.close();
  });

  it('takes lines, also before somebody reads them', async () => {
    keyboard.type(`first${Key.enter}second${Key.enter}third`);
    expect(await editor.read()).toBe('first');
    expect(await editor.read()).toBe('second');
    const third = editor.read();
    keyboard.type(Key.enter);
    expect(await third).toBe('third');
    await expectEnd(screen, '> first', '> second', '> third', '>');
    expect(keyboard.isRaw).toBe(true);
  });

  it('prints above what is being typed', async () => {
    keyboard.type('half a li');
    await expectEnd(screen, '> half a li');
    editor.print(['one', 'two']);
    keyboard.type('ne');
    await expectEnd(screen, 'one', 'two', '> half a line');
    expect(screen.beforeCursor).toBe('> half a line');
  });

  it('leaves the cursor where it is', async () => {
    keyboard.type('word', Key.home);
    await expectWhen(screen, () => screen.beforeCursor === '> ', 'the cursor at the beginning');
    editor.print(['one']);
    editor.setStatus(['status']);
    keyboard.type('a ');
    await expectEnd(screen, 'one', 'status', '> a word');
    expect(screen.beforeCursor).toBe('> a ');
  });

  it('keeps the status above the prompt, and out of what was', async () => {
    editor.setStatus(['one call', 'another']);
    keyboard.type('typed');
    await expectEnd(screen, 'one call', 'another', '> typed');
    editor.setStatus(['another']);
    await expectAll(screen, 'another', '> typed');
    keyboard.type(Key.enter);
    await expectEnd(screen, '> typed', 'another', '>');
    editor.print(['done']);
    editor.setStatus([]);
    await expectAll(screen, '> typed', 'done', '>');
  });

  it('is right when lines go over the end of the row, whichever way they come', async () => {
    const long = 'word '.repeat(40);
    editor.setStatus(['one', 'two']);
    keyboard.type(long);
    editor.setStatus(['three', 'four']);
    keyboard.type(Key.home, `pasted\tin ${Key.home}`);
    editor.print(['printed']);
    editor.setStatus(['five']);
    const rows = `> pasted in ${long}`.match(/.{1,80}/g) ?? [];
    await expectAll(screen, 'printed', 'five', ...rows.map((row) => row.trimEnd()));
    const line = editor.read();
    keyboard.type(Key.enter);
    expect(await line).toBe(`pasted in ${long}`);
    await expectEnd(screen, ...rows.map((row) => row.trimEnd()), 'five', '>');
  });

  it('cuts a status that is too long, and does not mind wide characters', async () => {
    editor.setStatus(['x'.repeat(200), '日本語'.repeat(20)]);
    keyboard.type('ok');
    await expectEnd(screen, `${'x'.repeat(78)}…`, `${'日本語'.repeat(13)}…`, '> ok');
    editor.setStatus([]);
    await expectAll(screen, '> ok');
  });

  it('goes through what was typed, and has it saved', async () => {
    editor.close();
    open({ history: ['newest', 'oldest'] });
    keyboard.type(Key.up, Key.up);
    await expectEnd(screen, '> oldest');
    keyboard.type(Key.down, ' too', Key.enter);
    await until(() => saved.length > 0);
    expect(saved).toEqual(['newest too', 'newest', 'oldest']);
  });

  it('completes, or shows what there is', async () => {
    editor.close();
    const complete = (line: string): Completion =>
      line === 'c' ? { insert: 'al', choices: [] } : { insert: '', choices: ['call', 'calm'] };
    open({ complete });
    editor.setStatus(['status']);
    keyboard.type('c', Key.tab);
    await expectEnd(screen, 'status', '> cal');
    keyboard.type(Key.tab);
    await expectEnd(screen, '  call  calm', 'status', '> cal');
    expect(screen.beforeCursor).toBe('> cal');
  });

  it('clears the line by Ctrl-C, and is left by a second one', async () => {
    keyboard.type('never mi', Key.ctrlC);
    await expectEnd(screen, '> never mi^C', '>');
    keyboard.type('x', Key.backspace, Key.ctrlC);
    await expectText(screen, '(Ctrl-C again quits)');
    keyboard.type('y', Key.backspace);
    const next = editor.read();
    keyboard.type(Key.ctrlC, Key.ctrlC);
    expect(await next).toBeUndefined();
    expect(interrupted).toBe(2);
    expect(keyboard.isRaw).toBe(false);
  });

  it('interrupts what is being done by the first Ctrl-C', async () => {
    isBusy = true;
    keyboard.type(Key.ctrlC);
    await until(() => interrupted === 1);
    keyboard.type('x');
    await expectAll(screen, '> x');
  });

  it('is left by Ctrl-D, without a status', async () => {
    editor.setStatus(['status']);
    const next = editor.read();
    keyboard.type(Key.ctrlD);
    expect(await next).toBeUndefined();
    editor.print(['bye']);
    await expectAll(screen, 'bye');
  });

  it('asks', async () => {
    const command = editor.read();
    const answer = editor.ask('Name', NEVER);
    keyboard.type(`Grace${Key.enter}quit${Key.enter}`);
    expect(await answer).toBe('Grace');
    expect(await command).toBe('quit');
    await expectEnd(screen, 'Name> Grace', '> quit', '>');
    // What was answered is not among the commands.
    expect(saved).toEqual(['quit']);
  });

  it('does not take what was being typed for an answer', async () => {
    const command = editor.read();
    keyboard.type('call gre');
    await expectEnd(screen, '> call gre');
    const answer = editor.ask('Name', NEVER);
    await expectEnd(screen, 'You are asked something: finish or clear (Ctrl-C) this line first.', '> call gre');
    keyboard.type(`et${Key.enter}`);
    expect(await command).toBe('call greet');
    await expectEnd(screen, '> call greet', 'Name>');
    keyboard.type(`Ada${Key.enter}`);
    expect(await answer).toBe('Ada');
  });

  it('asks as soon as the line is empty', async () => {
    keyboard.type('x');
    await expectEnd(screen, '> x');
    const answer = editor.ask('Name', NEVER);
    keyboard.type(Key.backspace);
    await expectEnd(screen, 'Name>');
    keyboard.type(`A${Key.ctrlC}`);
    await expectEnd(screen, 'Name> A^C', 'Name>');
    keyboard.type(Key.ctrlC);
    expect(await answer).toBeUndefined();
    await expectEnd(screen, '>');
  });

  it('asks one thing after the other, and withdraws what nobody wants to know any more', async () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const answers = [first, second].map(({ signal }, index) => editor.ask(`Q${index}`, signal));
    keyboard.type('half');
    await expectEnd(screen, 'Q0> half');
    first.abort();
    expect(await answers[0]).toBeUndefined();
    await expectEnd(screen, 'Q1>');
    second.abort();
    expect(await answers[1]).toBeUndefined();
    await expectEnd(screen, '>');
    expect(await editor.ask('Q2', second.signal)).toBeUndefined();
  });

  it('answers nothing when it is closed', async () => {
    const waiting = [editor.read(), editor.ask('Q', NEVER)];
    editor.close();
    expect(await Promise.all(waiting)).toEqual([undefined, undefined]);
    expect(await editor.read()).toBeUndefined();
    expect(await editor.ask('Q', NEVER)).toBeUndefined();
  });
});
