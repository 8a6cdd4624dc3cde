/** Rules of whole applications, in the ways people write them, for tests: their lines count from 1. */
export const projects = {
  chat: `rules_version = '2';
service cloud.firestore {
  match /databases/{database}/documents {
    function signedIn() {
      return request.auth != null;
    }
    function room(roomId) {
      return get(/databases/$(database)/documents/rooms/$(roomId)).data;
    }
    function isMember(roomId) {
      return signedIn() && request.auth.uid in room(roomId).members;
    }

    match /users/{userId} {
      allow read: if signedIn();
      allow create: if signedIn() && request.auth.uid == userId && validUser(request.resource.data);
      allow update: if request.auth.uid == userId
        && validUser(request.resource.data)
        && request.resource.data.diff(resource.data).affectedKeys().hasOnly(['name', 'photo', 'seen']);

      function validUser(user) {
        return user.keys().hasAll(['name'])
          && user.keys().hasOnly(['name', 'photo', 'seen'])
          && user.name is string && user.name.size() > 0 && user.name.size() <= 50
          && (!('photo' in user) || user.photo.matches('https://.*'))
          && (!('seen' in user) || user.seen == request.time);
      }
    }

    match /rooms/{roomId} {
      allow get: if isMember(roomId);
      allow list: if signedIn() && request.auth.uid in resource.data.members && request.query.limit <= 50;
      allow create: if signedIn() && request.resource.data.members.hasAll([request.auth.uid]);
      allow update: if isMember(roomId) && request.resource.data.members.toSet()
        .difference(resource.data.members.toSet()).size() <= 1;

      match /messages/{messageId} {
        allow read: if isMember(roomId);
        allow create: if isMember(roomId)
          && request.resource.data.from == request.auth.uid
          && request.resource.data.at == request.time
          && request.resource.data.text.size() in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
        allow delete: if resource.data.from == request.auth.uid
          && request.time < resource.data.at + duration.value(1, 'h');
      }
    }
  }
}
`,
  roles: `rules_version = '2';
service cloud.firestore {
  match /databases/{database}/documents {
    function rolesOf(story) { return story.data.roles; }
    function hasRole(story, wanted) {
      return request.auth.uid in rolesOf(story) && rolesOf(story)[request.auth.uid] in wanted;
    }
    match /stories/{story} {
      function isOneOf(roles) { return request.auth != null && hasRole(resource, roles); }
      function onlyContent() {
        return request.resource.data.title == resource.data.title
          && request.resource.data.roles == resource.data.roles
          && request.resource.data.keys() == resource.data.keys();
      }
      allow create: if request.auth != null && hasRole(request.resource, ['owner']);
      allow delete: if isOneOf(['owner']);
      allow update: if isOneOf(['owner']) || (isOneOf(['writer']) && onlyContent());
      allow read: if isOneOf(['owner', 'writer', 'commenter', 'reader']);

      match /comments/{comment} {
        allow read: if hasRole(get(/databases/$(database)/documents/stories/$(story)), ['owner', 'reader']);
        allow create: if hasRole(get(/databases/$(database)/documents/stories/$(story)), ['owner', 'commenter'])
          && request.resource.data.user == request.auth.uid;
      }
    }
    match /{path=**}/comments/{comment} {
      allow list: if request.auth != null && resource.data.user == request.auth.uid;
    }
  }
}
`,
  tenants: `rules_version = '2';
service cloud.firestore {
  match /databases/{database}/documents {
    match /tenants/{tenantId} {
      function claims() { return request.auth.token; }
      function inTenant() { return request.auth != null && claims().get('tenant', '') == tenantId; }
      function isAdmin() { return inTenant() && claims().get(['roles', tenantId], 'none') == 'admin'; }
      function quota() { return get(/databases/$(database)/documents/tenants/$(tenantId)).data.get('quota', 0); }

      allow get: if inTenant();
      allow update: if isAdmin() && request.resource.data.diff(resource.data).changedKeys().hasOnly(['name']);

      match /orders/{orderId} {
        allow read: if inTenant();
        allow create: if inTenant() && validOrder(request.resource.data) && request.resource.data.total <= quota();
        allow update: if inTenant() && request.resource.data.version == resource.data.version + 1
          && validTransition(resource.data.state, request.resource.data.state);
        allow delete: if isAdmin();

        function validOrder(order) {
          let lines = order.lines;
          return lines is list && lines.size() > 0 && order.total is number && order.state == 'new'
            && order.tenant == tenantId;
        }
        function validTransition(from, to) {
          return from == 'new' ? to in ['paid', 'cancelled'] : from == 'paid' ? to == 'shipped' : false;
        }
      }
      match /counters/{counter} {
        allow write: if inTenant()
          && getAfter(/databases/$(database)/documents/tenants/$(tenantId)/orders/$(counter)).data.version ==
             request.resource.data.version
          && existsAfter(/databases/$(database)/documents/tenants/$(tenantId)/orders/$(counter));
      }
      match /{document=**} { allow read: if isAdmin(); }
    }
  }
}
`,
  payments: `rules_version = '2';
service cloud.firestore {
  match /databases/{database}/documents {
    match /customers/{uid} {
      allow read: if request.auth.uid == uid;
      match /checkout_sessions/{id} {
        allow read, write: if request.auth.uid == uid;
      }
      match /subscriptions/{id} {
        allow read: if request.auth.uid == uid;
      }
    }
    match /products/{id} {
      allow read: if true;
      match /prices/{id} { allow read: if true; }
    }
    match /premium/{id} {
      allow read: if request.auth.token.stripeRole in ['gold', 'silver']
        || exists(/databases/$(database)/documents/customers/$(request.auth.uid)/subscriptions/active);
    }
  }
}
`,
  images: `rules_version = '2';
service firebase.storage {
  match /b/{bucket}/o {
    function isImage() {
      return request.resource.contentType.matches('image/.*') && request.resource.size < 5 * 1024 * 1024;
    }
    match /users/{uid}/{all=**} {
      allow read: if request.auth.uid == uid;
      allow create, update: if request.auth.uid == uid && isImage()
        && request.resource.name.matches('.*[.](png|jpg)');
      allow delete: if request.auth.uid == uid && resource.metadata.get('locked', 'no') != 'yes';
    }
    match /shared/{group}/{file} {
      allow get: if request.auth.uid in firestore.get(/databases/(default)/documents/groups/$(group)).data.members;
      allow list: if firestore.exists(/databases/(default)/documents/groups/$(group));
    }
    match /public/{file=**} { allow read; }
  }
}
`,
} as const
