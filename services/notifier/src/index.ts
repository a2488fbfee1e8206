export type { Announcement } from './webhook/announcement.ts';
