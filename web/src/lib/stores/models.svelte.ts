import type { ModelList } from '@crucible/api';
import { listModels } from '../api.ts';

/** Which models there are, asked for once. */
export class ModelsStore {
  list = $state.raw<ModelList | null>(null);
  error = $state.raw<unknown>(null);

  async load(): Promise<void> {
    this.error = null;
    try {
      this.list = await listModels();
    } catch (error) {
      this.error = error;
    }
  }
}
