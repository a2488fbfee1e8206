import { crypto } from '#crypto';
import { toHex } from '../bytes.ts';
import { openCheckpoint } from '../checkpoint.ts';
import type { NoteVerifier } from '../signed-note.ts';
import type { Claim } from './claims.ts';
import type { EventsFact, Fact, ProvenFact } from './digest.ts';
import { EvaluationCheck } from './evaluation-check.ts';
import { EvidenceCheck } from './evidence-check.ts';
import type { Complaint } from './evidence-check.ts';
import type { CheckpointLine, ContentLine, EndLine, EvidenceLine, ExportLine, HeaderLine } from './format.ts';
import { parseLine } from './parse.ts';
import type { VerifyOptions, VerifyProgress, VerifyResult } from './result.ts';
import { TreeCheck } from './tree-check.ts';
import type { Kept } from './tree-check.ts';

/** What the lines may be now, in the order of the format. */
type Part = 'header' | 'log' | 'contents' | 'evidence' | 'end';

/**
 * Judges facts of an export in their order. It stops at the first thing that is wrong and never throws, whatever it is
 * given.
 */
export class Judge {
  readonly #verifier: NoteVerifier;
  readonly #tree: TreeCheck;
  readonly #kept: readonly Kept[];
  readonly #evidence = new EvidenceCheck();
  /** Digest of a suite to the first event that names it. Those that came are taken out. */
  readonly #suites = new Map<string, number>();
  #header: HeaderLine | undefined;
  #part: Part = 'header';
  #complaint: { readonly position: number | null; readonly reason: string } | null = null;
  #checkpointSequence = -1;
  /** Of an export of one evaluation, in place of the tree. */
  #evaluation: EvaluationCheck | undefined;
  readonly #counts = { events: 0, checkpoints: 0, contents: 0, evidence: 0 };
  #undecodable = 0;

  constructor({ verifier, kept = [] }: VerifyOptions) {
    this.#verifier = verifier;
    const opened = kept.map(({ note, from }) => ({ from, ...openCheckpoint(note, verifier) }));
    this.#kept = opened.flatMap((one) => (one.ok ? [{ from: one.from, checkpoint: one.checkpoint }] : []));
    for (const one of opened) if (!one.ok) this.#fail(null, `${one.from} cannot be trusted: ${one.reason}`);
    this.#tree = new TreeCheck(this.#kept);
  }

  /** Whether something was found wrong: what follows changes nothing. */
  get failed(): boolean {
    return this.#complaint !== null;
  }

  /** Sizes at which the root will be compared although no line asks for it: see `digestBlock`. */
  get breaks(): readonly number[] {
    return this.#kept.map(({ checkpoint }) => checkpoint.size);
  }

  get progress(): VerifyProgress {
    const { events, checkpoints, evidence } = this.#counts;
    const header = this.#header;
    return { events, eventsTotal: header?.evaluationId === null ? header.size : null, checkpoints, evidence };
  }

  take(facts: readonly Fact[]): void {
    for (const fact of facts) {
      if (this.failed) return;
      this.#fact(fact);
    }
  }

  /** @param truncated why the bytes could not be read to their end, if so */
  finish(truncated?: string): VerifyResult {
    if (truncated !== undefined || this.#part !== 'end')
      this.#fail(this.#missing(), truncated ?? 'the file is truncated: its last line is missing');
    const { events, checkpoints, contents } = this.#counts;
    const anchor = this.#evaluation?.anchor;
    const size = anchor?.size ?? this.#tree.covered;
    const covered = anchor !== undefined || this.#tree.covered > 0 || (this.#part === 'end' && !this.failed);
    return {
      ok: !this.failed,
      events,
      root: covered ? toHex(anchor?.root ?? this.#tree.root) : null,
      firstBadPosition: this.#complaint?.position ?? null,
      reason: this.#complaint?.reason ?? null,
      evidence: {
        verified: this.#evidence.verified,
        erased: this.#evidence.erased,
        included: this.#header?.evidence ?? false,
      },
      checkpoints,
      contents,
      undecodable: this.#undecodable,
      size,
      evaluationId: this.#header?.evaluationId ?? null,
    };
  }

  #fail(position: number | null, reason: string): void {
    this.#complaint ??= { position, reason };
  }

  #check(complaint: Complaint | null): void {
    if (complaint !== null) this.#fail(complaint.position, complaint.reason);
  }

  get #isWhole(): boolean {
    return this.#header?.evaluationId === null;
  }

  /** The first position for which the lines so far do not show what they should. */
  #missing(): number {
    if (this.#part === 'header' || this.#part === 'log') return this.#here;
    const [suite = Infinity] = this.#part === 'contents' ? this.#suites.values() : [];
    const pending = this.#header?.evidence === true ? (this.#evidence.pending ?? Infinity) : Infinity;
    const first = Math.min(suite, pending);
    return first === Infinity ? this.#here : first;
  }

  /** The next position that could come. */
  get #here(): number {
    return (this.#evaluation?.lastPosition ?? this.#tree.size) + 1;
  }

  #fact(fact: Fact): void {
    switch (fact.kind) {
      case 'wrong':
        return this.#fail(
          fact.position ?? this.#missing(),
          fact.position === null
            ? `behind event ${this.#here - 1}: ${fact.reason}`
            : `event ${fact.position}: ${fact.reason}`,
        );
      case 'events':
        return this.#events(fact);
      case 'proven':
        return this.#proven(fact);
      case 'line': {
        const line = parseLine(fact.text);
        if (line.kind === 'malformed')
          return this.#fail(this.#missing(), `behind event ${this.#here - 1}: ${line.reason}`);
        return this.#line(line as ExportLine);
      }
    }
  }

  #events(fact: EventsFact): void {
    if (this.#part !== 'log') return this.#misplaced(`event ${fact.first}`);
    if (!this.#isWhole) return this.#fail(fact.first, `event ${fact.first} has no proof`);
    this.#check(this.#tree.add(fact));
    if (this.failed) return;
    const size = this.#header?.size ?? 0;
    if (this.#tree.size > size)
      return this.#fail(size + 1, `event ${size + 1} comes behind the last checkpoint, of ${size}`);
    this.#note(fact.count, fact.claims, fact.undecodable);
  }

  #proven(fact: ProvenFact): void {
    const { position } = fact;
    if (this.#part !== 'log') return this.#misplaced(`event ${position}`);
    if (this.#evaluation === undefined)
      return this.#fail(position, `event ${position} has a proof, which a whole log does not need`);
    this.#check(this.#evaluation.add(fact));
    if (!this.failed) this.#note(1, fact.claims, fact.undecodable);
  }

  #note(count: number, claims: readonly Claim[], undecodable: number): void {
    this.#counts.events += count;
    this.#undecodable += undecodable;
    for (const claim of claims) {
      if (claim.kind !== 'suite') this.#evidence.claim(claim);
      else if (!this.#suites.has(claim.digest)) this.#suites.set(claim.digest, claim.position);
    }
  }

  #misplaced(what: string): void {
    const where = this.#part === 'header' ? 'before the header' : 'where it may not';
    this.#fail(this.#missing(), `${what} stands ${where}`);
  }

  #line(line: ExportLine): void {
    if ((line.kind === 'export') !== (this.#part === 'header') || this.#part === 'end')
      return this.#misplaced(`a line of kind ${line.kind}`);
    switch (line.kind) {
      case 'export':
        return this.#begin(line);
      case 'checkpoint':
        return this.#part === 'log' ? this.#checkpoint(line) : this.#misplaced('a checkpoint');
      case 'leaves':
        return this.#part === 'log' && this.#isWhole
          ? this.#check(this.#tree.note(line))
          : this.#misplaced('a list of leaf hashes');
      case 'content':
        return this.#content(line);
      case 'evidence':
        return this.#chunk(line);
      case 'end':
        return this.#end(line);
      case 'event':
        return undefined;
    }
  }

  #begin(header: HeaderLine): void {
    this.#header = header;
    this.#part = 'log';
    if (header.evaluationId !== null) this.#evaluation = new EvaluationCheck(header, this.#kept);
    if (header.origin !== this.#verifier.name)
      this.#fail(
        null,
        `this is the log ${JSON.stringify(header.origin)}, and the key is of ${JSON.stringify(this.#verifier.name)}`,
      );
  }

  #checkpoint({ sequence, note }: CheckpointLine): void {
    const position = Math.max(1, this.#isWhole ? this.#tree.size : (this.#header?.size ?? 1));
    const opened = openCheckpoint(note, this.#verifier);
    if (!opened.ok)
      return this.#fail(position, `the checkpoint behind event ${position} cannot be trusted: ${opened.reason}`);
    if (sequence <= this.#checkpointSequence)
      return this.#fail(position, `checkpoint ${sequence} comes behind ${this.#checkpointSequence}`);
    this.#checkpointSequence = sequence;
    this.#check((this.#evaluation ?? this.#tree).checkpoint(opened.checkpoint));
    if (!this.failed) this.#counts.checkpoints += 1;
  }

  /** All events are there: what they claim is next. */
  #endLog(): void {
    if (this.#part !== 'log') return;
    const size = this.#header?.size ?? 0;
    if (this.#evaluation !== undefined) {
      this.#check(this.#evaluation.end());
    } else if (this.#tree.size < size) {
      this.#fail(this.#tree.size + 1, `event ${this.#tree.size + 1} is missing: the export says ${size}`);
    } else if (this.#tree.covered < size) {
      this.#fail(this.#tree.covered + 1, `no checkpoint covers events ${this.#tree.covered + 1} to ${size}`);
    } else {
      this.#check(this.#tree.end());
    }
    this.#part = 'contents';
  }

  #content({ digest, body }: ContentLine): void {
    this.#endLog();
    if (this.failed) return;
    if (this.#part !== 'contents') return this.#misplaced('a content');
    const position = this.#suites.get(digest);
    if (position === undefined)
      return this.#fail(this.#here, `no event names the content ${digest}, or it is there twice`);
    if (toHex(crypto.sha256(body)) !== digest)
      return this.#fail(position, `the content that event ${position} names was edited: it does not hash to ${digest}`);
    this.#suites.delete(digest);
    this.#counts.contents += 1;
  }

  #endContents(): void {
    this.#endLog();
    if (this.failed || this.#part !== 'contents') return;
    const [missing] = this.#suites;
    if (missing !== undefined)
      this.#fail(missing[1], `the content ${missing[0]}, which event ${missing[1]} names, is missing`);
    this.#part = 'evidence';
  }

  #chunk(line: EvidenceLine): void {
    this.#endContents();
    if (this.failed) return;
    if (this.#header?.evidence !== true) return this.#misplaced('evidence');
    this.#check(this.#evidence.chunk(line));
    this.#counts.evidence += 1;
  }

  #end(line: EndLine): void {
    this.#endContents();
    if (this.failed) return;
    if (this.#header?.evidence === true) this.#check(this.#evidence.end());
    for (const what of ['events', 'checkpoints', 'contents', 'evidence'] as const)
      if (line[what] !== this.#counts[what])
        this.#fail(this.#here, `the last line counts ${line[what]} ${what}, there are ${this.#counts[what]}`);
    if (!this.failed) this.#part = 'end';
  }
}
