import type { StoredEvent } from './event.ts';
import type { Resource } from './model.ts';

/**
 * The one way a resource goes. What people took away though a file has it stays known by its name, out of the catalogue,
 * so that the next reload does not bring it back.
 */
export function removal(resource: Resource, by?: string): StoredEvent {
  return {
    type: 'resource-removed',
    resource: resource.removed ? { ...resource, retiring: false } : resource,
    ...(by === undefined ? {} : { by }),
  };
}
