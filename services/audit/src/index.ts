export * from '@crucible/transparency';
