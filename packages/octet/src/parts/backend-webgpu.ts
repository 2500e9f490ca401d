export * from '@octet/backend-webgpu';
