// A constant, not a read of package.json: images and bundles hold no package.json. A test keeps the two equal.
export const version = '1.0.0';
