import type { Report } from './report.js';
import type { Settings } from './settings.js';

/** Told what is being measured now. */
export type Progress = (what: string) => void;

/** Measures one transport. */
export type Benchmark = (settings: Settings, progress: Progress) => Promise<Report>;
