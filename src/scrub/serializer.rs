//! The serde serializer around the answer's: it masks strings and foreign keys on their way, and passes on everything else.

use serde::ser::{self, Serialize, Serializer};

use super::search::Late;
use super::{CLEAN, Scrubber};

/// The name by which serde_json announces a [`RawValue`], whose one string is JSON text; a test holds it.
const RAW_JSON: &str = "$serde_json::private::RawValue";

const TOO_LATE: &str = "there was no time left to mask secrets in it";

/// A serializer that masks secrets in all strings and map keys on their way into `inner`.
pub struct Scrubbing<'s, S> {
    /// Where it goes.
    pub inner: S,
    /// What is looked for.
    pub scrubber: &'s Scrubber,
    /// The string to come is JSON text, not a text.
    pub raw: bool,
}

/// A value that serialises itself through [`Scrubbing`], for the places where serde takes values.
struct Scrubbed<'s, T: ?Sized> {
    value: &'s T,
    scrubber: &'s Scrubber,
    raw: bool,
}

impl<T: Serialize + ?Sized> Serialize for Scrubbed<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Scrubbing { inner: serializer, scrubber: self.scrubber, raw: self.raw })
    }
}

/// The elements of a list, a map or a struct, each scrubbed.
pub struct Elements<'s, C> {
    inner: C,
    scrubber: &'s Scrubber,
    raw: bool,
}

/// The methods of [`Serializer`] that take no text: passed on.
macro_rules! passed_on {
    ($($method:ident($type:ty);)*) => {
        $(fn $method(self, value: $type) -> Result<S::Ok, S::Error> { self.inner.$method(value) })*
    };
}

impl<'s, S: Serializer> Serializer for Scrubbing<'s, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Elements<'s, S::SerializeSeq>;
    type SerializeTuple = Elements<'s, S::SerializeTuple>;
    type SerializeTupleStruct = Elements<'s, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Elements<'s, S::SerializeTupleVariant>;
    type SerializeMap = Elements<'s, S::SerializeMap>;
    type SerializeStruct = Elements<'s, S::SerializeStruct>;
    type SerializeStructVariant = Elements<'s, S::SerializeStructVariant>;

    passed_on! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_f32(f32);
        serialize_f64(f64);
        serialize_bytes(&[u8]);
        serialize_unit_struct(&'static str);
    }

    fn serialize_char(self, value: char) -> Result<S::Ok, S::Error> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<S::Ok, S::Error> {
        let masked = if self.raw { self.scrubber.mask_json(value) } else { self.scrubber.mask(value) };
        self.inner.serialize_str(&masked.map_err(|Late| ser::Error::custom(TOO_LATE))?)
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_none()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.serialize_some(&Scrubbed { value, scrubber: self.scrubber, raw: false })
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit()
    }

    fn serialize_unit_variant(self, name: &'static str, index: u32, variant: &'static str) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<S::Ok, S::Error> {
        if name == CLEAN {
            return value.serialize(self.inner);
        }
        self.inner.serialize_newtype_struct(name, &Scrubbed { value, scrubber: self.scrubber, raw: false })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = Scrubbed { value, scrubber: self.scrubber, raw: false };
        self.inner.serialize_newtype_variant(name, index, variant, &value)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        Ok(Elements { inner: self.inner.serialize_seq(len)?, scrubber: self.scrubber, raw: false })
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        Ok(Elements { inner: self.inner.serialize_tuple(len)?, scrubber: self.scrubber, raw: false })
    }

    fn serialize_tuple_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeTupleStruct, S::Error> {
        Ok(Elements { inner: self.inner.serialize_tuple_struct(name, len)?, scrubber: self.scrubber, raw: false })
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        let inner = self.inner.serialize_tuple_variant(name, index, variant, len)?;
        Ok(Elements { inner, scrubber: self.scrubber, raw: false })
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        Ok(Elements { inner: self.inner.serialize_map(len)?, scrubber: self.scrubber, raw: false })
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeStruct, S::Error> {
        let raw = name == RAW_JSON;
        Ok(Elements { inner: self.inner.serialize_struct(name, len)?, scrubber: self.scrubber, raw })
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        let inner = self.inner.serialize_struct_variant(name, index, variant, len)?;
        Ok(Elements { inner, scrubber: self.scrubber, raw: false })
    }
}

/// The traits of serde whose elements have no names.
macro_rules! unnamed_elements {
    ($($trait:ident :: $method:ident;)*) => {$(
        impl<C: ser::$trait> ser::$trait for Elements<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
                let value = Scrubbed { value, scrubber: self.scrubber, raw: false };
                self.inner.$method(&value)
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        }
    )*};
}

unnamed_elements! {
    SerializeSeq::serialize_element;
    SerializeTuple::serialize_element;
    SerializeTupleStruct::serialize_field;
    SerializeTupleVariant::serialize_field;
}

/// The traits of serde whose elements have our own names.
macro_rules! named_elements {
    ($($trait:ident;)*) => {$(
        impl<C: ser::$trait> ser::$trait for Elements<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), C::Error> {
                let value = Scrubbed { value, scrubber: self.scrubber, raw: self.raw };
                self.inner.serialize_field(name, &value)
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        }
    )*};
}

named_elements! {
    SerializeStruct;
    SerializeStructVariant;
}

impl<C: ser::SerializeMap> ser::SerializeMap for Elements<'_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        let key = Scrubbed { value: key, scrubber: self.scrubber, raw: false };
        self.inner.serialize_key(&key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        let value = Scrubbed { value, scrubber: self.scrubber, raw: false };
        self.inner.serialize_value(&value)
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.inner.end()
    }
}
